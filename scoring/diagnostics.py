"""Where a submission errs: residuals of the fitted map, misplaced images, correlations by range of MOS.

Contract: `diagnose` is pure and deterministic, does not depend on the order of the rows, and gives the same bits on
every processor. Correlations by label are `Evaluation.subsets` and not repeated here. Whoever sees diagnostics sees
the MOS of images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.answer_key import AnswerKey
from scoring.correlations import dense_codes, is_constant, krocc, srocc, twice_mid_ranks
from scoring.evaluation import Evaluation
from scoring.inputs import as_answer_key
from scoring.intervals import intervals_of, multiplicities
from scoring.logistic import finite_or_none
from scoring.rank_bootstrap import RankBootstrap
from scoring.residuals import Residuals, largest, residuals_of, why_not_drawn
from scoring.scratch import Scratch

Floats = NDArray[np.float64]

MOST_POINTS = 4000
RANGES = 5
RANGE_RESAMPLES = 1000


@dataclass(frozen=True)
class Misplaced:
    """One image with its places by prediction and by MOS: 1 is the best, ties share the mean of their places.

    `difference` is the place by MOS less the place by prediction: positive where the image is placed too high.
    """

    name: str
    prediction_place: float
    mos_place: float
    difference: float
    labels: dict[str, str]


@dataclass(frozen=True)
class Range:
    """Scores of the images whose MOS lies in [low, high]: `interval` is the 95 % interval of SRoCC.

    `bias` is the mean and `rmse` the root mean square of their residuals, in MOS units. None: undefined. Mind two
    things. Within a range all correlations are lower than over the whole, because the MOS differ less and the errors
    do not: compare submissions within a range, not ranges. And errors lean towards the middle in every submission that
    is not perfect: images of low MOS are predicted too high (bias < 0), those of high MOS too low.
    """

    low: float
    high: float
    n: int
    srocc: float | None
    krocc: float | None
    interval: list[float] | None
    bias: float | None
    rmse: float | None


@dataclass(frozen=True, eq=False)
class Diagnostics:
    """What `diagnose` found; `residuals` is None where there is no map, for `reason`."""

    n: int
    residuals: Residuals | None
    misplaced: tuple[Misplaced, ...]
    ranges: tuple[Range, ...]
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form."""
        return {
            "n": self.n,
            "residuals": None if self.residuals is None else self.residuals.to_dict(),
            "misplaced": [vars(one) for one in self.misplaced],
            "ranges": [vars(one) for one in self.ranges],
            "reason": self.reason,
        }


def diagnose(
    evaluation: Evaluation,
    key: Any,
    *,
    worst: int = 20,
    points: int = MOST_POINTS,
    resamples: int = 100,
    seed: int = 0,
) -> Diagnostics:
    """Diagnostics of an evaluation; `key` is the answer key that it was made with, in any form `evaluate` takes.

    worst: how many images with the largest residuals are listed, and how many with the largest differences of place.
    points: how many images are drawn at most, beside those; if there are more, always the same ones of a key.
    resamples: refits for the band of the curve (0: no band), each takes as long as a fit. seed: which resamples.
    Raises InvalidAnswerKey, or ValueError when the key lists other images than the evaluation.
    """
    answers = as_answer_key(key)
    if tuple(answers.names[row] for row in answers.order.tolist()) != evaluation.names:
        raise ValueError("the answer key lists other images than the evaluation")
    labels = _labels(answers, evaluation)
    x, y, fit = evaluation.predictions, evaluation.mos, evaluation.fit
    misplaced = _misplaced(evaluation, labels, worst)
    reason = why_not_drawn(x, fit)
    residuals = None
    if not reason:
        shown = {evaluation.names.index(one.name) for one in misplaced}
        residuals = residuals_of(
            evaluation.names,
            x,
            y,
            fit,
            labels,
            misses=worst,
            points=points,
            shown=shown,
            resamples=resamples,
            seed=seed,
        )
    ranges = _ranges(x, y, None if fit.reason else y - fit.predict(x), seed)
    return Diagnostics(x.size, residuals, misplaced, ranges, reason)


def _labels(key: AnswerKey, evaluation: Evaluation) -> list[dict[str, str]]:
    """For each row of the evaluation its labels in the columns that were scored as categories."""
    columns = [column for column in key.subsets if evaluation.subsets.get(column)]
    return [{column: key.subsets[column][row] for column in columns} for row in key.order.tolist()]


def _misplaced(evaluation: Evaluation, labels: list[dict[str, str]], count: int) -> tuple[Misplaced, ...]:
    """The images with the largest differences of places, largest first."""
    by_prediction, by_mos = (
        evaluation.predictions.size + 1 - twice_mid_ranks(dense_codes(values)) / 2
        for values in (evaluation.predictions, evaluation.mos)
    )
    difference = by_mos - by_prediction
    return tuple(
        Misplaced(evaluation.names[i], float(by_prediction[i]), float(by_mos[i]), float(difference[i]), labels[i])
        for i in largest(np.abs(difference), count)
    )


def _ranges(x: Floats, y: Floats, residual: Floats | None, seed: int) -> tuple[Range, ...]:
    """Scores within fifths of the MOS, lowest first. Equal MOS share a range, so some may be missing."""
    fifth = (twice_mid_ranks(dense_codes(y)) - 1) * RANGES // (2 * y.size)
    return tuple(
        _range(x[rows], y[rows], None if residual is None else residual[rows], seed)
        for rows in (np.flatnonzero(fifth == number) for number in range(RANGES))
        if rows.size
    )


def _range(x: Floats, y: Floats, residual: Floats | None, seed: int) -> Range:
    draws = {}
    if x.size > 1 and not is_constant(x) and not is_constant(y):
        ranks = RankBootstrap(x, y, Scratch(), kendall=False)
        slabs = multiplicities(x.size, RANGE_RESAMPLES, seed)
        draws = {"srocc": np.concatenate([ranks(weights)["srocc"] for weights in slabs])}
    return Range(
        low=float(y.min()),
        high=float(y.max()),
        n=x.size,
        srocc=finite_or_none(srocc(x, y)),
        krocc=finite_or_none(krocc(x, y)),
        interval=intervals_of(draws).get("srocc"),
        bias=None if residual is None else float(residual.mean()),
        rmse=None if residual is None else float(np.sqrt(np.square(residual).mean())),
    )
