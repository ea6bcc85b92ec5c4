"""The 90 % rule: prompts that are nearly the same are merged into the one that is used most.

Similarity is rapidfuzz's `ratio`: 100 times twice the longest common subsequence over the sum of the lengths, which is
1 minus the normalised Indel distance. It minds the order and compares keys (`generation.prompts.text.key`).

`merge` is a greedy leader pass, not connected components: a key joins a leader only by its own similarity to that
leader, so nothing is merged along a chain, and no two leaders are that similar. `clusters` is the other thing, for a
split into training and test set: components of the graph of similar pairs, so that no pair is parted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generation.progress import progress
from generation.prompts.candidates import search

_SUBJECT_WORDS = 8


@dataclass(frozen=True, eq=False)
class Merged:
    """`leader[i]` is the index of the key that key i was merged into, itself if it was kept; `similarity[i]` theirs.

    Both have shape (n,); similarity is 0 to 100, 100 for leaders.
    """

    leader: NDArray[np.int64]
    similarity: NDArray[np.float64]

    @property
    def kept(self) -> NDArray[np.int64]:
        """Indices of the leaders, ascending."""
        return np.flatnonzero(self.leader == np.arange(len(self.leader)))


def merge(
    keys: Sequence[str],
    *,
    threshold: float = 90,
    min_length: int = 0,
    subject_guard: float = 0,
    method: str = "auto",
) -> Merged:
    """Merge each key into the most similar leader before it with similarity >= threshold; else it becomes a leader.

    `keys` are distinct, not empty, and in order of precedence: an earlier key leads a later one. Keys shorter than
    `min_length` characters take no part. With `subject_guard` the first 8 words must be as similar as that, too.
    Equally similar leaders: the earliest. `method`: see `generation.prompts.candidates`.
    """
    from rapidfuzz import fuzz, process

    leader = np.arange(len(keys))
    similarity = np.full(len(keys), 100.0)
    candidates = search(keys, threshold=threshold, method=method)
    for i, key in enumerate(progress(keys, total=len(keys), unit="prompts", label="merging")):
        if len(key) < min_length:
            continue
        near = candidates.near(i)
        if subject_guard and near:
            subject = _subject(key)
            near = [j for j in near if fuzz.ratio(subject, _subject(keys[j])) >= subject_guard]
        best = process.extractOne(key, [keys[j] for j in near], scorer=fuzz.ratio, score_cutoff=threshold)
        if best is None:
            candidates.add(i)
        else:
            leader[i], similarity[i] = near[best[2]], best[1]
    return Merged(leader, similarity)


def clusters(keys: Sequence[str], *, threshold: float = 80, method: str = "auto") -> NDArray[np.int64]:
    """For every key the smallest index of its cluster: keys joined by pairs with similarity >= threshold, shape
    (n,)."""
    from rapidfuzz import fuzz, process

    root = list(range(len(keys)))
    candidates = search(keys, threshold=threshold, method=method)
    for i, key in enumerate(progress(keys, total=len(keys), unit="prompts", label="clusters")):
        near = candidates.near(i)
        found = process.extract(key, [keys[j] for j in near], scorer=fuzz.ratio, score_cutoff=threshold, limit=None)
        roots = {_find(root, near[place]) for _, _, place in found} | {i}
        for other in roots:
            root[other] = min(roots)
        candidates.add(i)
    return np.array([_find(root, i) for i in range(len(keys))], dtype=np.int64)


def _subject(key: str) -> str:
    return " ".join(key.split(" ", _SUBJECT_WORDS)[:_SUBJECT_WORDS])


def _find(root: list[int], i: int) -> int:
    while root[i] != i:
        root[i] = root[root[i]]
        i = root[i]
    return i
