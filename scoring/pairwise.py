"""Pairwise ranking accuracy: the share of pairs of images that the predictions put in the right order.

Contract: values lie in [0, 1], larger is better, 0.5 is guessing, nan where no pair is left to look at. Only the order
of the predictions counts. A tie of predictions earns `ties`, by default half: what guessing would earn. Challenges
differ here: the script of NTIRE 2024 short-form UGC video counts a tie as a vote for the pair's first member.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.correlations import as_pair, dense_codes

Floats = NDArray[np.float64]


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
    instance images of one prompt, and rows with a negative code are in no pair. Time O(n^2) (0.3 s at n = 20,000),
    memory O(n). Raises ValueError on unequal lengths and values that are not finite.
    """
    x, y = as_pair(predictions, mos)
    if groups is None:
        return _share(_counts(x, y, threshold), ties)
    codes = np.asarray(groups)
    if codes.shape != x.shape:
        raise ValueError(f"{x.size} predictions, but {codes.size} group codes")
    kept = np.flatnonzero(codes >= 0)
    kept = kept[np.argsort(codes[kept], kind="stable")]
    starts = np.flatnonzero(np.diff(dense_codes(codes[kept]), prepend=-1))[1:]
    counts = [_counts(x[rows], y[rows], threshold) for rows in np.split(kept, starts)]
    return _share(np.sum(counts, axis=0), ties)


def _counts(x: Floats, y: Floats, threshold: float) -> NDArray[np.int64]:
    """(pairs whose MOS differ enough, those in the right order, those with tied predictions)."""
    order = np.argsort(y, kind="stable")
    x, y = x[order], y[order]
    first_better = np.searchsorted(y, y + threshold, side="right")
    right = tied = 0
    for i, start in enumerate(first_better.tolist()):
        better = x[start:]
        right += int(np.count_nonzero(better > x[i]))
        tied += int(np.count_nonzero(better == x[i]))
    return np.array([int((x.size - first_better).sum()), right, tied])


def _share(counts: NDArray[np.int64], ties: float) -> float:
    pairs, right, tied = counts.tolist()
    return (right + ties * tied) / pairs if pairs else math.nan
