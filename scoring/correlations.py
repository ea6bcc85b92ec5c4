"""Rank and linear correlations of two samples: SRoCC, KRoCC (Kendall's tau-b) and Pearson's r.

Contract: `x` and `y` are one-dimensional, of equal length n and finite (else ValueError). A correlation that is
undefined (n < 2, or either sample constant) is nan, never 0. Values lie in [-1, 1]. Everything is exact in the ranks:
sums are taken over integers, so neither the order of the rows nor a monotone change of scale can move a bit.

SRoCC and KRoCC are the paper's section 4.1 measures. scipy.stats gives the same numbers; it is not used here because
importing it costs more than a second per process and its Kendall is no faster.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.portable import dot

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Inversions inside blocks of this many rows are counted by direct comparison: faster than merging tiny blocks.
_BASE_BLOCK = 32


def as_pair(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Both samples as float64 vectors of shape (n,). Raises ValueError on unequal shapes and non-finite values."""
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"two vectors of equal length are needed, not shapes {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("values must be finite: found nan or infinity")
    return a, b


def is_constant(x: Floats) -> bool:
    """Whether the range of x is nothing but rounding: at most 1e-12 of its largest magnitude."""
    if x.size == 0:
        return True
    low, high = float(x.min()), float(x.max())
    # Halves, because high - low of two huge values of opposite sign overflows.
    return not 0.5 * high - 0.5 * low > 0.5e-12 * max(abs(low), abs(high))


def dense_codes(x: Floats | Integers) -> Integers:
    """Codes 0..u-1 of the u distinct values of x in ascending order, shape (n,): equal values share a code."""
    order = np.argsort(x, kind="stable")
    ordered = x[order]
    codes = np.empty(x.size, dtype=np.int64)
    codes[order] = np.concatenate(([0], np.cumsum(ordered[1:] != ordered[:-1])))
    return codes


def twice_mid_ranks(codes: Integers) -> Integers:
    """Twice the mid-ranks (1-based; ties share the mean of their places), as integers so that sums stay exact."""
    counts = np.bincount(codes)
    return (2 * np.cumsum(counts) - counts + 1)[codes]


def srocc(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's rank correlation with mid-ranks for ties; nan where undefined (see the module's contract)."""
    a, b = as_pair(x, y)
    if a.size < 2 or is_constant(a) or is_constant(b):
        return math.nan
    ra, rb = (
        twice_mid_ranks(dense_codes(v)) - (a.size + 1) for v in (a, b)
    )  # twice the ranks' deviation from the mean
    return _clip(_dot(ra, rb) / math.sqrt(_dot(ra, ra) * _dot(rb, rb)))


def krocc(x: ArrayLike, y: ArrayLike) -> float:
    """Kendall's tau-b (ties corrected in both samples), exact in O(n log^2 n); nan where undefined.

    Knight (1966): with the rows sorted by (x, y), the discordant pairs are the inversions of y.
    """
    a, b = as_pair(x, y)
    if a.size < 2 or is_constant(a) or is_constant(b):
        return math.nan
    pairs, tied_a, tied_b, tied_both, discordant = pair_counts(dense_codes(a), dense_codes(b))
    score = pairs - tied_a - tied_b + tied_both - 2 * discordant
    return _clip(score / math.sqrt((pairs - tied_a) * (pairs - tied_b)))


class PairCounts(NamedTuple):
    """Pairs of rows: all of them, those tied in a, in b, in both, and those that a and b put in opposite order."""

    pairs: int
    tied_a: int
    tied_b: int
    tied_both: int
    discordant: int


def pair_counts(a: Integers, b: Integers) -> PairCounts:
    """Counts over all pairs of n > 0 rows, for two vectors of dense codes, in O(n log^2 n)."""
    both = a * (int(b.max()) + 1) + b
    order = np.argsort(both, kind="stable")
    return PairCounts(
        pairs=a.size * (a.size - 1) // 2,
        tied_a=tied_pairs(np.bincount(a)),
        tied_b=tied_pairs(np.bincount(b)),
        tied_both=tied_pairs(np.diff(np.flatnonzero(np.diff(both[order], prepend=-1, append=-1)))),
        discordant=count_inversions(b[order]),
    )


def pearson(x: ArrayLike, y: ArrayLike) -> float:
    """Pearson's linear correlation (ITU-T P.1401 clause 7.5.3), without any mapping; nan where undefined."""
    a, b = as_pair(x, y)
    if a.size < 2 or is_constant(a) or is_constant(b):
        return math.nan
    da, db = centred(a), centred(b)
    return _clip(dot(da, db) / math.sqrt(dot(da, da) * dot(db, db)))


def centred(x: Floats) -> Floats:
    """x minus its mean, divided by its largest deviation: in [-1, 1], whatever the scale and offset of x."""
    scaled = x / power_of_two(x)
    deviation = scaled - scaled.mean()
    deviation -= deviation.mean()  # the first mean is rounded at the size of the offset
    return np.asarray(deviation / np.abs(deviation).max(), dtype=np.float64)


def power_of_two(x: Floats) -> float:
    """The power of two next to the largest magnitude of x: dividing by it is exact and keeps sums from overflowing."""
    return math.ldexp(1.0, min(max(math.frexp(float(np.abs(x).max()))[1], -1000), 1000))


def tied_pairs(counts: Integers) -> int:
    """Number of pairs within groups of the given sizes."""
    return int((counts * (counts - 1)).sum()) // 2


def count_inversions(codes: Integers) -> int:
    """Number of pairs i < j with codes[i] > codes[j] (strictly), for non-negative codes."""
    total = 0
    top = int(codes.max()) + 1
    size = _BASE_BLOCK
    # Padding with a value above all others, at the end, adds no inversion.
    blocks = np.full(-(-codes.size // size) * size, top, dtype=np.int64)
    blocks[: codes.size] = codes
    rows = blocks.reshape(-1, size)
    for shift in range(1, size):
        total += int(np.count_nonzero(rows[:, :-shift] > rows[:, shift:]))
    while rows.shape[0] > 1:
        rows = np.sort(rows, axis=1)
        if rows.shape[0] % 2:
            rows = np.vstack([rows, np.full((1, size), top, dtype=np.int64)])
        left, right = rows[0::2], rows[1::2]
        # One search for all blocks: lifting each pair of blocks by its index keeps the flattened left halves sorted.
        lift = np.arange(left.shape[0])[:, None] * (top + 1)
        not_above = np.searchsorted((left + lift).ravel(), (right + lift).ravel(), side="right")
        block_end = np.repeat(np.arange(1, left.shape[0] + 1) * size, size)
        total += int((block_end - not_above).sum())
        size *= 2
        rows = rows.reshape(-1, size)
    return total


def _dot(a: Integers, b: Integers) -> int:
    """Exact dot product of integer vectors: int64 holds it up to a million rows, Python's integers beyond."""
    if a.size <= 1_000_000:
        return int(a @ b)
    return sum(int(a[i : i + 1_000_000] @ b[i : i + 1_000_000]) for i in range(0, a.size, 1_000_000))


def _clip(r: float) -> float:
    return min(1.0, max(-1.0, r))
