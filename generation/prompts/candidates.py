"""Which earlier keys may be nearly equal to a key: the search in front of the exact comparison.

Two searches with one interface. Both may name keys that are not near; every name is verified by the caller.

- `ExactCandidates` misses none. Similarity >= t means an Indel distance of at most (1 - t) (|a| + |b|), and that
  distance is at least the L1 distance of the letter counts (each insertion or deletion changes one count by one). Work
  grows with the square of the number of keys: about a second for 20,000.
- `LshCandidates` is MinHash (Broder 1997) over character 4-grams with banding (Indyk and Motwani 1998): a pair with
  Jaccard similarity J of its 4-grams is found with probability 1 - (1 - J^rows)^bands. Work grows about linearly. It
  can miss pairs whose differences are spread evenly over the text, above all short ones.

`search` chooses: exact while that is fast.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

METHODS = ("auto", "exact", "lsh")
# Up to so many keys the exact search takes seconds; a lower threshold lets through many more pairs to verify.
EXACT_LIMIT, EXACT_LIMIT_BELOW_90 = 20_000, 5_000
# Beyond, bands of 3 rows give too many candidates by chance.
LSH_LIMIT_OF_3_ROWS = 50_000
_BLOCK, _STRIP = 256, 32
_OTHER_BINS = 11
_GRAM = 4


class Candidates(Protocol):
    """Keys are asked for in ascending order; those that may be found later are added."""

    def near(self, index: int) -> Sequence[int]:
        """Indices below `index`, ascending, of added keys that may be near; without any that is near only by chance
        of the method (see the module)."""

    def add(self, index: int) -> None:
        """Let `near` find this key from now on."""


def search(keys: Sequence[str], *, threshold: float, method: str = "auto") -> Candidates:
    """The search for pairs of these keys with similarity >= threshold (0 to 100)."""
    limit = EXACT_LIMIT if threshold >= 90 else EXACT_LIMIT_BELOW_90
    if method == "exact" or (method == "auto" and len(keys) <= limit):
        return ExactCandidates(keys, threshold)
    # At 90, 32 bands of 4 found all of 3,525 real pairs; at 80, 98.9 % of 21,072, and 64 bands of 3 found all of those.
    bands, rows = (32, 4) if threshold >= 90 or len(keys) > LSH_LIMIT_OF_3_ROWS else (64, 3)
    return LshCandidates(keys, threshold, bands, rows)


class ExactCandidates:
    """Letter counts against letter counts, block by block: each block of keys against all added before it."""

    def __init__(self, keys: Sequence[str], threshold: float) -> None:
        self._lengths = np.array([len(key) for key in keys], dtype=np.int64)
        self._counts = _letter_counts(keys, self._lengths)
        self._slack = 1 - threshold / 100
        self._ratio = _length_ratio(threshold)
        self._added: list[int] = []
        self._is_added = np.zeros(len(keys), dtype=bool)
        self._found: dict[int, list[int]] = defaultdict(list)
        self._block_end = 0

    def near(self, index: int) -> Sequence[int]:
        if index >= self._block_end:
            self._compare_block(index, min(index + _BLOCK, len(self._lengths)))
        return sorted(other for other in self._found.pop(index, ()) if self._is_added[other])

    def add(self, index: int) -> None:
        self._added.append(index)
        self._is_added[index] = True

    def _compare_block(self, start: int, end: int) -> None:
        self._found.clear()
        self._block_end = end
        block = _by_length(np.arange(start, end), self._lengths)
        added = _by_length(np.array(self._added, dtype=np.int64), self._lengths)
        # Within the block nothing is added yet: compare all pairs, and look at `_is_added` when they are asked for.
        for others in (added, block):
            for strip in np.array_split(block, -(-len(block) // _STRIP)):
                self._compare(strip, others)

    def _compare(self, strip: NDArray[np.int64], others: NDArray[np.int64]) -> None:
        """Note the pairs within the bound; both sorted by length, so only a window of `others` can be near."""
        from scipy.spatial.distance import cdist

        shortest, longest = self._lengths[strip[0]], self._lengths[strip[-1]]
        lengths = self._lengths[others]
        low = np.searchsorted(lengths, np.floor(shortest / self._ratio), "left")
        high = np.searchsorted(lengths, np.ceil(longest * self._ratio), "right")
        window = others[low:high]
        if not len(window):
            return
        distances = cdist(self._counts[strip], self._counts[window], "cityblock")
        distances -= self._slack * lengths[None, low:high]
        near = np.nonzero(distances <= self._slack * self._lengths[strip][:, None] + 1e-6)
        later, earlier = strip[near[0]], window[near[1]]
        in_order = earlier < later
        for i, j in zip(later[in_order].tolist(), earlier[in_order].tolist(), strict=True):
            self._found[i].append(j)


class LshCandidates:
    """MinHash signatures of character 4-grams, cut into bands; keys that share a whole band are candidates."""

    def __init__(self, keys: Sequence[str], threshold: float, bands: int, rows: int) -> None:
        self._buckets = _buckets(_signatures(keys, bands * rows), bands, rows)
        self._members: dict[int, list[int]] = defaultdict(list)
        self._lengths = [len(key) for key in keys]
        self._ratio = _length_ratio(threshold)

    def near(self, index: int) -> Sequence[int]:
        members, lengths = self._members, self._lengths
        near: set[int] = set()
        for bucket in self._buckets[index].tolist():
            if bucket in members:
                near.update(members[bucket])
        low, high = lengths[index] / self._ratio - 1e-6, lengths[index] * self._ratio + 1e-6
        return sorted(other for other in near if low <= lengths[other] <= high)

    def add(self, index: int) -> None:
        for bucket in self._buckets[index].tolist():
            if bucket >= 0:
                self._members[bucket].append(index)


def _length_ratio(threshold: float) -> float:
    """How much longer one key can be than one that is that similar: 2 min / (a + b) bounds the similarity."""
    return (200 - threshold) / threshold if threshold else float("inf")


def _by_length(indices: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return indices[np.argsort(lengths[indices], kind="stable")]


def _letter_counts(keys: Sequence[str], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each of a-z, 0-9 and space occurs, and the other characters by code point modulo 11: shape (n, 48)."""
    known = "abcdefghijklmnopqrstuvwxyz0123456789 "
    codes = np.frombuffer("".join(keys).encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
    columns = len(known) + codes % _OTHER_BINS
    table = np.full(128, -1)
    table[[ord(letter) for letter in known]] = np.arange(len(known))
    ascii_codes = codes < 128
    plain = table[codes[ascii_codes]]
    columns[ascii_codes] = np.where(plain >= 0, plain, columns[ascii_codes])
    width = len(known) + _OTHER_BINS
    rows = np.repeat(np.arange(len(keys)), lengths)
    counts = np.bincount(rows * width + columns, minlength=len(keys) * width)
    return counts.reshape(len(keys), width).astype(np.float64)


def _signatures(keys: Sequence[str], size: int) -> NDArray[np.uint32]:
    """MinHash signatures of the keys' 4-grams (a shorter key is one gram), shape (n, size)."""
    import rensa

    from generation.progress import progress

    signatures = np.empty((len(keys), size), dtype=np.uint32)
    for i, key in enumerate(progress(keys, total=len(keys), unit="prompts", label="signatures")):
        minhash: Any = rensa.RMinHash(num_perm=size, seed=42)
        minhash.update([key[start : start + _GRAM] for start in range(max(1, len(key) - _GRAM + 1))])
        signatures[i] = minhash.digest()
    return signatures


def _buckets(signatures: NDArray[np.uint32], bands: int, rows: int) -> NDArray[np.int32]:
    """Bucket number of every key in every band, shape (n, bands); -1 where no other key shares the bucket."""
    buckets = np.full((len(signatures), bands), -1, dtype=np.int32)
    used = 0
    for band in range(bands):
        # One 64-bit number per band; a collision adds a candidate, never loses one.
        mixed = np.zeros(len(signatures), dtype=np.uint64)
        for column in signatures[:, band * rows : (band + 1) * rows].T:
            mixed = (mixed ^ column) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
        _, number, count = np.unique(mixed, return_inverse=True, return_counts=True)
        shared = count > 1
        numbers = np.where(shared, used + np.cumsum(shared) - 1, -1)
        buckets[:, band] = numbers[number]
        used += int(shared.sum())
    return buckets
