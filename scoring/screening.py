"""Which subjects to leave out before their ratings are averaged, by one of several published rules.

Every rule takes the raw ratings, one cell per subject and image, looks at all subjects once and gives each a statistic
and, where it is rejected, the reason in words. A subject whose correlation is undefined (fewer than two images, or the
same rating for all) is rejected by every rule but "bt500" and "none"; eq. 2 leaves it out in any case.

| rule | rejected is | source |
|---|---|---|
| srocc | SRoCC with the mean of all subjects (itself included) below the threshold | the paper, section 3.2 |
| srocc_loo | the same with the mean of the other subjects: stricter | |
| bt500 | too many outlying ratings on both sides, limits by kurtosis | ITU-R BT.500, post-screening of observers |
| sureal_pcc, sureal_srcc | correlation with the mean at or below min(0.7, mean - sd of all) | Netflix sureal 0.9 |
| none | nobody | |
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.cells import Cells
from scoring.correlations import pearson, srocc

Floats = NDArray[np.float64]

RULES = ("srocc", "srocc_loo", "bt500", "sureal_pcc", "sureal_srcc", "none")
THRESHOLD = 0.6
_DECIMALS = 9  # means are compared to so many decimals: what is only rounding in a sum must not make a rank
_OUTLIER_SHARE, _OUTLIER_BALANCE = 0.05, 0.3  # BT.500: (P + Q) / n above, |P - Q| / (P + Q) below
_SUREAL_CAP = 0.7


@dataclass(frozen=True, eq=False)
class Screening:
    """`statistic`: what the rule looked at, float64 of shape (subjects,), nan where undefined; `reasons`: {place: why}.

    The statistic is the correlation with the mean, or under "bt500" the share of outlying ratings.
    """

    rule: str
    threshold: float | None
    statistic: Floats
    reasons: dict[int, str]


def screen(cells: Cells, rule: str = "srocc", threshold: float = THRESHOLD) -> Screening:
    """Apply a rule of RULES to the ratings; `threshold` is for the two SRoCC rules. Raises ValueError."""
    if rule in ("srocc", "srocc_loo"):
        return _by_srocc(cells, rule, threshold)
    if rule in ("sureal_pcc", "sureal_srcc"):
        return _by_sureal(cells, rule)
    if rule == "bt500":
        return _by_kurtosis(cells)
    if rule == "none":
        return Screening(rule, None, subject_correlations(cells, srocc), {})
    raise ValueError(f"unknown screening {rule!r}; known are {', '.join(RULES)}")


def subject_correlations(
    cells: Cells, correlation: Callable[[Floats, Floats], float], *, leave_one_out: bool = False
) -> Floats:
    """Correlation of each subject with the mean over all subjects (or the others), over the images it rated.

    Shape (subjects,); nan where undefined. Images that nobody else rated are left out of a leave-one-out correlation.
    """
    sums, counts = cells.image_sums(), cells.per_image()
    found = np.full(cells.subjects, np.nan)
    for subject, rows in cells.by_subject():
        own, image = cells.value[rows], cells.image[rows]
        if leave_one_out:
            shared = counts[image] > 1
            own, image = own[shared], image[shared]
            mean = (sums[image] - own) / (counts[image] - 1)
        else:
            mean = sums[image] / counts[image]
        found[subject] = correlation(own, np.round(mean, _DECIMALS))
    return found


def _by_srocc(cells: Cells, rule: str, threshold: float) -> Screening:
    loo = rule == "srocc_loo"
    statistic = subject_correlations(cells, srocc, leave_one_out=loo)
    whom = "the others" if loo else "all"
    reasons = _undefined(cells, statistic)
    for place in np.flatnonzero(statistic < threshold).tolist():
        reasons[place] = f"SRoCC {statistic[place]:.3f} with the mean of {whom} is below {threshold:g}"
    return Screening(rule, threshold, statistic, reasons)


def _by_sureal(cells: Cells, rule: str) -> Screening:
    name, correlation = ("Pearson", pearson) if rule == "sureal_pcc" else ("SRoCC", srocc)
    statistic = subject_correlations(cells, correlation)
    reasons = _undefined(cells, statistic)
    defined = statistic[np.isfinite(statistic)]
    threshold = min(_SUREAL_CAP, float(defined.mean() - defined.std())) if defined.size else None
    if threshold is not None:
        for place in np.flatnonzero(statistic <= threshold).tolist():
            reasons[place] = f"{name} {statistic[place]:.3f} with the mean of all is not above {threshold:.3f}"
    return Screening(rule, threshold, statistic, reasons)


def _undefined(cells: Cells, statistic: Floats) -> dict[int, str]:
    counts = cells.per_subject()
    return {
        place: "rated fewer than two images" if counts[place] < 2 else "gave every image the same rating"
        for place in np.flatnonzero(np.isnan(statistic)).tolist()
    }


def _by_kurtosis(cells: Cells) -> Screening:
    above, below = outlying_ratings(cells)
    outlying = above + below
    counts = cells.per_subject()
    share = np.divide(outlying, counts, out=np.zeros(cells.subjects), where=counts > 0)
    reasons = {}
    for place in np.flatnonzero(share > _OUTLIER_SHARE).tolist():
        if abs(above[place] - below[place]) < _OUTLIER_BALANCE * outlying[place]:
            reasons[place] = f"{share[place]:.1%} of the ratings lie far from the image's mean, on both sides"
    return Screening("bt500", None, share, reasons)


def outlying_ratings(cells: Cells) -> tuple[Floats, Floats]:
    """BT.500's P and Q: how many ratings of each subject lie far above and far below their image's mean.

    Far is 2 standard deviations (divisor n) where the ratings of the image have a kurtosis m4 / m2^2 of 2 to 4, else
    sqrt(20). An image with equal ratings has no far ones (read literally the rule would count each on both sides).
    """
    deviation = cells.value - cells.image_means()[cells.image]
    counts = cells.per_image()
    moments = [
        np.divide(cells.image_sums(deviation**power), counts, out=np.zeros(cells.images), where=counts > 0)
        for power in (2, 4)
    ]
    spread = moments[0] > 1e-20
    kurtosis = np.divide(moments[1], moments[0] ** 2, out=np.zeros(cells.images), where=spread)
    normal = (kurtosis >= 2) & (kurtosis <= 4)
    far = np.where(spread, np.where(normal, 2.0, math.sqrt(20)) * np.sqrt(moments[0]), np.inf)[cells.image]
    above, below = (
        np.bincount(cells.subject[rows], minlength=cells.subjects).astype(np.float64)
        for rows in (deviation >= far, deviation <= -far)
    )
    return above, below
