"""Prompts that are nearly the same: all pairs whose normalised Indel similarity reaches a threshold, exactly.

Similarity is rapidfuzz's `ratio`, 100 (1 - d / (a + b)), a and b the lengths and d the fewest insertions and deletions
that turn one key into the other. d is at least the L1 distance between the letter counts of the two keys, and at least
the difference of their lengths: what fails those two cheap bounds cannot reach the threshold, all else is compared.
Exact, and quadratic: 15,500 keys take 12 s on one core.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from scipy.spatial.distance import cdist

from generation.progress import progress

_LETTERS = {letter: i for i, letter in enumerate("abcdefghijklmnopqrstuvwxyz0123456789 ")}
_OTHER = len(_LETTERS)  # counted together, which can only make the bound lower
_BLOCK = 256


class Twins(NamedTuple):
    """Two keys by their places in what was given, first < second, and their similarity in [threshold, 100]."""

    first: int
    second: int
    similarity: float


def find_twins(keys: Sequence[str], threshold: float) -> list[Twins]:
    """All pairs of distinct `keys` with a similarity of at least `threshold` (from 1 to 100), in any order."""
    order = np.array(sorted(range(len(keys)), key=lambda i: len(keys[i])), dtype=np.int64)
    texts = np.array([keys[i] for i in order], dtype=object)
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    counts = _letter_counts(texts.tolist())
    allowed = 1 - threshold / 100 + 1e-9  # of a + b; the margin keeps what is exactly at the threshold
    found = []
    blocks = range(0, len(order), _BLOCK)
    for start in progress(blocks, total=len(blocks), unit="blocks", label="twins"):
        stop = min(start + _BLOCK, len(order))
        longest = lengths[stop - 1] * (1 + allowed) / (1 - allowed)  # a partner b of a has b - a <= allowed (a + b)
        end = int(np.searchsorted(lengths, longest, "right"))
        bound = cdist(counts[start:stop], counts[start:end], "cityblock")
        close = bound <= allowed * (lengths[start:stop, None] + lengths[None, start:end])
        for row in range(start, stop):
            others = row + 1 + np.flatnonzero(close[row - start, row - start + 1 :])
            if not len(others):
                continue
            similarity = process.cdist(
                [texts[row]], texts[others].tolist(), scorer=fuzz.ratio, score_cutoff=threshold, dtype=np.float64
            )[0]
            for hit in np.flatnonzero(similarity >= threshold):
                first, second = sorted((int(order[row]), int(order[others[hit]])))
                found.append(Twins(first, second, float(similarity[hit])))
    return found


def _letter_counts(texts: Sequence[str]) -> NDArray[np.float64]:
    """Shape (texts, letters + 1)."""
    counts = np.zeros((len(texts), _OTHER + 1))
    for row, text in zip(counts, texts, strict=True):
        for letter in text:
            row[_LETTERS.get(letter, _OTHER)] += 1
    return counts


def components(count: int, pairs: Sequence[Twins]) -> list[int]:
    """For each of `count` keys the number of its connected component: keys that a chain of pairs joins have one number.

    Connected components rather than groups round a leader: members of two such groups can still be twins of each other.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second = [pair.first for pair in pairs], [pair.second for pair in pairs]
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (first, second)), shape=(count, count))
    labels: list[int] = connected_components(graph, directed=False)[1].tolist()
    return labels
