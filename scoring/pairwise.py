"""Pairwise ranking accuracy: the share of pairs of images that the predictions put in the right order.

Contract: values lie in [0, 1], larger is better, 0.5 is guessing, nan where no pair is left to look at. Only the order
of the predictions counts. A tie of predictions earns `ties`, by default half: what guessing would earn. Challenges
differ here: the script of NTIRE 2024 short-form UGC video counts a tie as a vote for the pair's first member.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.correlations import as_pair, dense_codes, pair_counts, tied_pairs

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def preference_accuracy(predictions: ArrayLike, better: ArrayLike, worse: ArrayLike, *, ties: float = 0.5) -> float:
    """Accuracy over labelled pairs: `better` and `worse` are row numbers into the predictions, each of shape (m,)."""
    x = np.asarray(predictions, dtype=np.float64)
    one, other = x[np.asarray(better, dtype=np.intp)], x[np.asarray(worse, dtype=np.intp)]
    if one.size == 0:
        return math.nan
    return float((np.count_nonzero(one > other) + ties * np.count_nonzero(one == other)) / one.size)


def pairwise_accuracy(
    predictions: ArrayLike, mos: ArrayLike, pairs: ArrayLike, *, threshold: float = 0.0, ties: float = 0.5
) -> float:
    """Accuracy over listed pairs whose MOS differ by more than `threshold` (MOS units).

    predictions, mos: shape (n,), finite. pairs: row numbers, shape (m, 2), in either order. Raises ValueError.
    """
    x, y = as_pair(predictions, mos)
    _check_threshold(threshold)
    rows = np.asarray(pairs, dtype=np.intp)
    if rows.ndim != 2 or rows.shape[1] != 2:
        raise ValueError(f"pairs must have the shape (m, 2), not {rows.shape}")
    gap = y[rows[:, 0]] - y[rows[:, 1]]
    rows = np.where((gap > 0)[:, None], rows, rows[:, ::-1])[np.abs(gap) > threshold]
    return preference_accuracy(x, rows[:, 0], rows[:, 1], ties=ties)


def all_pairs_accuracy(
    predictions: ArrayLike,
    mos: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    threshold: float = 0.0,
    ties: float = 0.5,
) -> float:
    """Accuracy over all pairs whose MOS differ by more than `threshold` (MOS units), exactly.

    predictions, mos: shape (n,), finite. groups: codes of shape (n,); then only pairs within a group count, for
    instance images of one prompt, and rows with a negative code are in no pair. Time O(n log^2 n); with a threshold
    O(n^2), 0.1 s at n = 20,000. Raises ValueError on unequal lengths, values that are not finite and a negative
    threshold.
    """
    x, y = as_pair(predictions, mos)
    _check_threshold(threshold)
    codes = np.zeros(x.size, dtype=np.int64) if groups is None else np.asarray(groups, dtype=np.int64)
    if codes.shape != x.shape:
        raise ValueError(f"{x.size} predictions, but {codes.size} group codes")
    kept = codes >= 0
    x, y, codes = x[kept], y[kept], dense_codes(codes[kept])
    pairs, right, tied = _counts_beyond(x, y, codes, threshold) if threshold else _counts(x, y, codes)
    return (right + ties * tied) / pairs if pairs else math.nan


def _check_threshold(threshold: float) -> None:
    if not threshold >= 0:
        raise ValueError(f"the threshold must be 0 or more, not {threshold}")


def _counts(x: Floats, y: Floats, groups: Integers) -> tuple[int, int, int]:
    """(pairs with different MOS within a group, those in the right order, those with tied predictions)."""
    if x.size == 0:
        return 0, 0, 0
    # Lifting both by the group puts pairs across groups in the same order and never in a tie: they drop out below.
    a, b = (dense_codes(groups * x.size + dense_codes(values)) for values in (x, y))
    found = pair_counts(a, b)
    pairs = tied_pairs(np.bincount(groups)) - found.tied_b
    tied = found.tied_a - found.tied_both
    return pairs, pairs - tied - found.discordant, tied


def _counts_beyond(x: Floats, y: Floats, groups: Integers, threshold: float) -> tuple[int, int, int]:
    """As `_counts`, for pairs whose MOS differ by more than the threshold."""
    pairs = right = tied = 0
    order = np.lexsort((y, groups))
    for rows in np.split(order, np.cumsum(np.bincount(groups))[:-1]):
        own, mos = x[rows], y[rows]
        for i, start in enumerate(np.searchsorted(mos, mos + threshold, side="right").tolist()):
            better = own[start:]
            pairs += better.size
            right += int(np.count_nonzero(better > own[i]))
            tied += int(np.count_nonzero(better == own[i]))
    return pairs, right, tied
