"""The fitted map among the images: the curve with a band, the residuals, the images it misses by most.

    e = y - f(x)        residual of an image, in MOS units: positive where the MOS is above the mapped prediction

The band is f(x) +- 1.96 s(x), s the standard deviation of the curves of refits on the first bootstrap resamples of
`scoring.intervals`. It says where the curve might lie had other images been drawn, at one prediction at a time. It does
not say where images lie (they scatter round the curve by RMSE), nor that the whole curve lies inside with 95 %. From a
hundred refits s is known to 7 %, and percentiles would not be: in 100 simulated samples with n = 300 this band held the
true curve in 93 %, averaged over the predictions, and percentiles in 91 %; in 40 with n = 4,000 in 96 and 94 %.

Contract: pure and deterministic; the same bits on every processor. Rows come in ascending order of name.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.intervals import MOSTLY, multiplicities
from scoring.logistic import LogisticFit, finite_or_none, fit_logistic

Floats = NDArray[np.float64]

_NORMAL_QUANTILE = 1.959963984540054  # two-sided 95 %
_GRID = 64  # intervals of the curve's grid, twice: equally wide ones, and ones with equally many images
_WINDOW_SHARE = 10  # the running mean is over one in so many images ...
_FEWEST_IN_WINDOW = 10
_PLACES = 50  # ... at so many places
_BINS = 40  # of the histogram, at most; for round edges as few as 16
_QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)
_DIGITS = 5  # numbers that are only drawn are rounded to the range of their axis over 10 to this


@dataclass(frozen=True, eq=False)
class Points:
    """The images drawn, in ascending order of name; arrays of shape (m,), `mos` and `residual` in MOS units."""

    names: tuple[str, ...]
    prediction: Floats
    mos: Floats
    residual: Floats


@dataclass(frozen=True, eq=False)
class Curve:
    """The map at ascending predictions, shape (g,). `low` and `high` are its band; None without one."""

    prediction: Floats
    mos: Floats
    low: Floats | None
    high: Floats | None


@dataclass(frozen=True)
class Miss:
    """One image and its residual. `mapped` is the prediction on the scale of the MOS, `labels` are {column: label}."""

    name: str
    prediction: float
    mapped: float
    mos: float
    residual: float
    labels: dict[str, str]


@dataclass(frozen=True, eq=False)
class Residuals:
    """What the map leaves.

    running_mean   (predictions, mean residuals), each of shape (r,): over a tenth of the images round each place.
    histogram      (edges, counts), shapes (b + 1,) and (b,).
    quantiles      {share: residual}.
    misses         the images with the largest absolute residuals, largest first.
    """

    points: Points
    curve: Curve
    running_mean: tuple[Floats, Floats]
    histogram: tuple[Floats, NDArray[np.int64]]
    quantiles: dict[str, float]
    misses: tuple[Miss, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form. What is only drawn is rounded to 1/100,000 of the range of its axis."""
        x_digits, y_digits = _digits(self.points.prediction), _digits(self.points.mos)
        edges, counts = self.histogram
        return {
            "points": {
                "name": list(self.points.names),
                "prediction": _rounded(self.points.prediction, x_digits),
                "mos": _rounded(self.points.mos, y_digits),
                "residual": _rounded(self.points.residual, y_digits),
            },
            "curve": {
                "prediction": _rounded(self.curve.prediction, x_digits),
                "mos": _rounded(self.curve.mos, y_digits),
                "low": None if self.curve.low is None else _rounded(self.curve.low, y_digits),
                "high": None if self.curve.high is None else _rounded(self.curve.high, y_digits),
            },
            "running_mean": {
                "prediction": _rounded(self.running_mean[0], x_digits),
                "residual": _rounded(self.running_mean[1], y_digits),
            },
            "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
            "quantiles": self.quantiles,
            "misses": [vars(miss) for miss in self.misses],
        }


def why_not_drawn(x: Floats, fit: LogisticFit) -> str:
    """Why there is nothing to say about the residuals of this fit, or ""."""
    if fit.reason:
        return fit.reason
    with np.errstate(over="ignore"):
        drawable = math.isfinite(float(x.max()) - float(x.min()))
    return "" if drawable else "the predictions span more than a number can hold"


def residuals_of(
    names: Sequence[str],
    x: Floats,
    y: Floats,
    fit: LogisticFit,
    labels: Sequence[dict[str, str]],
    *,
    misses: int,
    points: int,
    shown: Collection[int],
    resamples: int,
    seed: int,
) -> Residuals:
    """Residuals of a fit that `why_not_drawn` does not object to, for n rows in ascending order of name.

    misses: how many images to list. points: how many images to draw, at most, beside those and the rows `shown`.
    resamples, seed: of the band; 0: none.
    """
    mapped = fit.predict(x)
    residual = y - mapped
    worst = largest(np.abs(residual), misses)
    drawn = _drawn(names, points, [*worst, *shown])
    at = _grid(x)
    fitted = fit.predict(at)
    half = _half_width(x, y, at, resamples=resamples, seed=seed)
    return Residuals(
        points=Points(tuple(names[i] for i in drawn), x[drawn], y[drawn], residual[drawn]),
        curve=Curve(at, fitted, *((None, None) if half is None else (fitted - half, fitted + half))),
        running_mean=_running_mean(x, residual),
        histogram=_histogram(residual),
        quantiles={str(share): float(np.quantile(residual, share)) for share in _QUANTILES},
        misses=tuple(
            Miss(names[i], float(x[i]), float(mapped[i]), float(y[i]), float(residual[i]), labels[i]) for i in worst
        ),
    )


def largest(values: Floats, count: int) -> list[int]:
    """Where the `count` largest of the values are, largest first, equal ones in their order."""
    return [int(i) for i in np.argsort(-values, kind="stable")[:count]]


def round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is at least `least` (a positive number)."""
    mantissa, exponent = f"{least:.15e}".split("e")
    return float(f"{next(m for m in (1, 2, 5, 10) if float(mantissa) <= m)}e{exponent}")


def _drawn(names: Sequence[str], count: int, always: Collection[int]) -> list[int]:
    """Ascending rows: `always`, and `count` others if there are more. By the hashes of the names, so that all
    submissions to a key show the same images, and no order of the names can favour some."""
    if len(names) <= count:
        return list(range(len(names)))
    hashes = [hashlib.blake2b(name.encode(), digest_size=16).digest() for name in names]
    return sorted({*sorted(range(len(names)), key=hashes.__getitem__)[:count], *always})


def _grid(x: Floats) -> Floats:
    """Ascending places from the smallest to the largest x: dense where the images are, sparse nowhere."""
    ordered = np.sort(x)
    quantiles = ordered[np.arange(_GRID + 1) * (x.size - 1) // _GRID]
    step = (ordered[-1] - ordered[0]) / _GRID
    return np.unique(np.concatenate([quantiles, ordered[0] + np.arange(_GRID) * step]))


def _half_width(x: Floats, y: Floats, at: Floats, *, resamples: int, seed: int) -> Floats | None:
    """Half the width of the band at these places; None where too few resamples can be fitted."""
    curves = []
    for slab in multiplicities(x.size, resamples, seed):
        for weights in slab.T:
            rows = np.repeat(np.arange(x.size), weights.astype(np.intp))
            fit = fit_logistic(x[rows], y[rows], thorough=False)
            if not fit.reason:
                curves.append(fit.predict(at))
    if len(curves) < max(2, MOSTLY * resamples):
        return None
    return np.asarray(_NORMAL_QUANTILE * np.std(curves, axis=0, ddof=1))


def _running_mean(x: Floats, residual: Floats) -> tuple[Floats, Floats]:
    """(median prediction, mean residual) of windows along x. Equal predictions are never parted."""
    order = np.argsort(x, kind="stable")
    ordered = x[order]
    sums = np.concatenate([[0.0], np.cumsum(residual[order])])
    width = min(x.size, max(_FEWEST_IN_WINDOW, x.size // _WINDOW_SHARE))
    first = np.arange(_PLACES) * (x.size - width) // (_PLACES - 1)
    start = np.searchsorted(ordered, ordered[first], side="left")
    end = np.searchsorted(ordered, ordered[first + width - 1], side="right")
    middle = ordered[(start + end - 1) // 2]
    # Several windows may have one middle: the narrowest stands for it.
    narrowest = np.lexsort((end - start, middle))
    places, window = np.unique(middle[narrowest], return_index=True)
    means = (sums[end] - sums[start]) / (end - start)
    return places, means[narrowest[window]]


def _histogram(residual: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Counts between multiples of a round step."""
    low, high = float(residual.min()), float(residual.max())
    step = round_step(max(high - low, 1e-300) / _BINS)
    multiples = range(math.floor(low / step), math.ceil(high / step) + 1)
    edges = np.array([float(f"{multiple * step:.12g}") for multiple in multiples])
    return edges, np.histogram(residual, edges)[0]


def _digits(values: Floats) -> int:
    """Decimals to round to: those at which the range of the values has between 10^5 and 10^6 steps."""
    spread = float(values.max()) - float(values.min())
    return _DIGITS - int(f"{spread:e}".split("e")[1]) if spread > 0 else _DIGITS


def _rounded(values: Floats, digits: int) -> list[float | None]:
    return [None if (number := finite_or_none(value)) is None else round(number, digits) for value in values]
