"""ROC analysis of pairs of images: can the predictions tell different from similar, and better from worse?

Krasula, Fliegel, Le Callet and Klima (2016), On the accuracy of objective image and video quality models: new
methodology for performance evaluation, QoMEX. A pair of images is *different* where its MOS differ significantly,
|MOS_i - MOS_j| > threshold sqrt(s_i^2 / n_i + s_j^2 / n_j), else *similar*; with d = x_i - x_j

    auc_ds  probability that |d| is larger in a different pair than in a similar one, ties half
    auc_bw  probability that d is larger where i is the better image of a different pair than where it is the worse
    cc_0    share of the different pairs whose better image has the larger prediction; ties are wrong

No map is fitted. Contract: all three lie in [0, 1], larger is better; they do not change when the predictions are
scaled or shifted, except for rounding, and do change under other monotone maps. Every pair of distinct images counts
once. Up to MAX_PAIRS pairs (4,096 images) all are looked at; beyond, that many are drawn with a fixed seed, the same
for every submission to a key: the standard error is below 0.001 while each kind has 250,000 pairs or more. For m pairs
time is O(m log m) and memory about 40 bytes per pair: at most 2 s and 350 MB.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.correlations import as_pair, power_of_two

Floats = NDArray[np.float64]

MAX_PAIRS = 1 << 23
THRESHOLD = 2.0
_CHUNK = 1 << 18


@dataclass(frozen=True)
class RocAnalysis:
    """`auc_ds`, `auc_bw`, `cc_0` in [0, 1] and `threshold_95` (units of the predictions); nan where undefined.

    threshold_95  the 95 % quantile of |d| over the similar pairs: a larger difference is likely to be a real one.
    different, similar  numbers of pairs looked at; `sampled`: they are a sample of all pairs.
    """

    auc_ds: float
    auc_bw: float
    cc_0: float
    threshold_95: float
    different: int
    similar: int
    sampled: bool


def roc_analysis(
    predictions: ArrayLike,
    mos: ArrayLike,
    mos_std: ArrayLike,
    n_ratings: ArrayLike,
    *,
    threshold: float = THRESHOLD,
    self_pairs: bool = False,
    max_pairs: int = MAX_PAIRS,
) -> RocAnalysis:
    """ROC analysis of predictions (n,) against MOS, their standard deviations (n - 1) and numbers of ratings, all (n,).

    threshold: 2 is that of vmaf's AucPerfMetric, about 95 % two-sided; the authors' own example takes 1.645, 95 %
    one-sided. self_pairs: also count each image against itself as similar and the others in both orders, as vmaf does;
    that only raises auc_ds. Raises ValueError on unequal lengths, values that are not finite, a negative deviation or
    less than one rating.
    """
    x, y = as_pair(predictions, mos)
    std, count = as_pair(mos_std, n_ratings)
    if std.shape != x.shape:
        raise ValueError(f"{x.size} predictions, but {std.size} standard deviations")
    if (std < 0).any() or (count < 1).any():
        raise ValueError("a standard deviation must be 0 or more, a number of ratings 1 or more")
    unit = power_of_two(x) if x.size else 1.0
    x = x / unit  # differences of scaled values cannot overflow
    error = std / np.sqrt(count)
    better_parts, similar_parts = [np.empty(0)], [np.empty(0)]
    for i, j in _pairs(x.size, max_pairs):
        gap = y[i] - y[j]
        difference = _rounded(x[i] - x[j])
        is_different = np.abs(gap) > threshold * np.hypot(error[i], error[j])
        better_parts.append((np.sign(gap) * difference)[is_different])
        similar_parts.append(np.abs(difference[~is_different]))
    better, similar = np.sort(np.concatenate(better_parts)), np.concatenate(similar_parts)
    if self_pairs:
        similar = np.concatenate((similar, similar, np.zeros(x.size)))
    similar.sort()
    return RocAnalysis(
        auc_ds=_auc(np.sort(np.abs(better), kind="stable"), similar),  # two runs to merge: timsort halves the time
        auc_bw=_auc(better, -better[::-1]),
        cc_0=float(np.count_nonzero(better > 0) / better.size) if better.size else math.nan,
        threshold_95=unit * float(np.quantile(similar, 0.95)) if similar.size else math.nan,
        different=better.size,
        similar=similar.size,
        sampled=_all_pairs(x.size) > max_pairs,
    )


def _all_pairs(n: int) -> int:
    return n * (n - 1) // 2


def _pairs(n: int, max_pairs: int) -> Iterator[tuple[int | NDArray[np.int64], slice | NDArray[np.int64]]]:
    """Rows (i, j) of every pair once, or of max_pairs drawn with replacement where there are more."""
    if _all_pairs(n) <= max_pairs:
        for i in range(n - 1):
            yield i, slice(i + 1, None)
        return
    generator = np.random.Generator(np.random.PCG64(0))
    for start in range(0, max_pairs, _CHUNK):
        size = min(_CHUNK, max_pairs - start)
        first = generator.integers(n, size=size)
        yield first, (first + generator.integers(1, n, size=size)) % n


def _rounded(difference: Floats) -> Floats:
    """The 38 leading bits (Veltkamp's splitting): 0.3 - 0.2 and 0.2 - 0.1 are a tie, not told apart by rounding."""
    shifted = difference * (2.0**15 + 1)
    return np.asarray(shifted - (shifted - difference))


def _auc(positive: Floats, negative: Floats) -> float:
    """Probability that a positive is larger than a negative, ties half (both sorted); nan where either is empty."""
    if not (positive.size and negative.size):
        return math.nan
    below = np.searchsorted(negative, positive, side="left").sum() + np.searchsorted(negative, positive, "right").sum()
    return float(below / (2 * positive.size * negative.size))
