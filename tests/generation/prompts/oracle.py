"""The 90 % rule done without any shortcut of the library: all pairs by an exact bound, then the leader pass on them.

Bound: an Indel distance is at least the L1 distance of the two letter counts, so a pair whose counts differ by more
than (1 - t)(|a| + |b|) cannot have similarity t. Checked against comparing all pairs in test_merging.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rapidfuzz import fuzz, process
from scipy.spatial.distance import cdist

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 "


def similar_pairs(keys: Sequence[str], threshold: float = 90) -> dict[tuple[int, int], float]:
    """{(i, j): similarity}, i < j, of all pairs with similarity >= threshold."""
    order = sorted(range(len(keys)), key=lambda i: len(keys[i]))
    texts = [keys[i] for i in order]
    lengths = np.array([len(text) for text in texts])
    counts = np.array([[*map(text.count, LETTERS), sum(c not in LETTERS for c in text)] for text in texts], dtype=float)
    slack = 1 - threshold / 100
    pairs = {}
    for start in range(0, len(texts), 256):
        stop = min(start + 256, len(texts))
        end = np.searchsorted(lengths, lengths[stop - 1] * (1 + slack) / (1 - slack) + 1e-9, "right")
        bound = slack * (lengths[start:stop, None] + lengths[None, start:end]) + 1e-6
        rows, columns = np.nonzero(cdist(counts[start:stop], counts[start:end], "cityblock") <= bound)
        rows, columns = rows[columns > rows] + start, columns[columns > rows] + start
        scores = process.cpdist(
            [texts[i] for i in rows], [texts[j] for j in columns], scorer=fuzz.ratio, dtype=np.float64
        )
        for i, j, score in zip(rows, columns, scores, strict=True):
            if score >= threshold:
                first, second = sorted((order[i], order[j]))
                pairs[first, second] = float(score)
    return pairs


def all_pairs(keys: Sequence[str], threshold: float = 90) -> dict[tuple[int, int], float]:
    """The same by comparing every key with every other."""
    scores = process.cdist(keys, keys, scorer=fuzz.ratio, dtype=np.float64)
    return {(int(i), int(j)): float(scores[i, j]) for i, j in np.argwhere(scores >= threshold) if i < j}


def leaders(n: int, pairs: dict[tuple[int, int], float]) -> list[int]:
    """For each of n keys in order of precedence its most similar leader, itself where none is similar enough."""
    before: dict[int, list[tuple[float, int]]] = {}
    for (first, second), score in pairs.items():
        before.setdefault(second, []).append((-score, first))
    leader: list[int] = []
    for i in range(n):
        near = [(score, j) for score, j in before.get(i, ()) if leader[j] == j]
        leader.append(min(near)[1] if near else i)
    return leader
