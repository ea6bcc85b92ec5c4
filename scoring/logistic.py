"""PLCC after the five-parameter logistic of the paper's eq. 4, at its global least-squares optimum.

    f(x) = a1 (1/2 - 1 / (1 + exp(a2 (x - a3)))) + a4 x + a5

Contract: `fit_logistic` is deterministic, does not depend on the order of the rows, and its PLCC is invariant to
affine changes of x and y up to rounding and sign. It never raises for finite input: what is undefined (n < 10,
constant x or y) has nan numbers, a status and a reason. PLCC is signed: negative where the fitted map falls, so that
an inverted submission does not score like a good one. Measured on the authors' real pairs: see benchmarks/scoring.py.

The unconstrained map is not monotone by construction, as ITU-T P.1401 asks of a mapping: `monotone` says whether it
is over the data, and `form="logistic4"` fits a1 / (1 + exp(-a2 (x - a3))) + a5, which always is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.correlations import as_pair, is_constant, power_of_two
from scoring.descent import Optimum, Sample, collapse, robust_deviation
from scoring.portable import dot, exp, tanh
from scoring.variable_projection import search

Floats = NDArray[np.float64]
Form = Literal["logistic5", "logistic4"]

MIN_ROWS = 10  # five parameters interpolate five points; below ten rows the mapped correlation means nothing
STEEP = 20.0  # k per robust standard deviation above which the curve is called steep


@dataclass(frozen=True)
class Standardisation:
    """x -> t with mean 0 and mean square 1, in the exact sequence of operations used for the fit."""

    unit: float
    mean: float
    spread: float
    shift: float
    deviation: float

    @classmethod
    def of(cls, x: Floats) -> Standardisation:
        """Standardisation of a sample that is not constant; no step overflows or loses the offset's digits."""
        unit = power_of_two(x)
        ordered = np.sort(x) / unit  # sorted: sums must not depend on the order of the rows
        mean = float(ordered.mean())
        deviation = ordered - mean
        spread = float(np.abs(deviation).max())
        deviation = deviation / spread
        shift = float(deviation.mean())
        deviation -= shift
        return cls(unit, mean, spread, shift, math.sqrt(dot(deviation, deviation) / x.size))

    def apply(self, x: Floats) -> Floats:
        """Standardised values, the shape of x."""
        return ((x / self.unit - self.mean) / self.spread - self.shift) / self.deviation

    @property
    def scale(self) -> float:
        """Units of x per unit of t."""
        return self.unit * self.spread * self.deviation

    @property
    def centre(self) -> float:
        """The x at t = 0."""
        return self.unit * (self.mean + self.spread * self.shift)


@dataclass(frozen=True)
class LogisticFit:
    """A fitted map from predictions to MOS.

    params     (a1, a2, a3, a4, a5) of eq. 4 in the units of the data (form logistic4: a4 = 0); nan when undefined.
    plcc       Pearson between the mapped predictions and the MOS, signed by direction; nan when undefined.
    rmse       root mean square of the residuals (divisor n), in MOS units; nan when undefined.
    status     ok | steep (k > 20 per robust standard deviation) | step | exp-limit | cubic-limit | linear | constant
               | too-few-rows | constant-predictions | constant-mos
    direction  +1 where the map rises (over most of the rows when it is not monotone), -1 where it falls, 0 undefined.
    monotone   whether the map never turns between the smallest and the largest prediction.
    reason     why plcc is undefined, or "".
    """

    params: tuple[float, float, float, float, float]
    plcc: float
    rmse: float
    status: str
    direction: int
    monotone: bool
    n: int
    reason: str = ""
    form: Form = "logistic5"
    steepness: float = 0.0
    plcc_step: float = math.nan
    _map: tuple[Standardisation, Optimum, float, float] | None = None

    def predict(self, x: ArrayLike) -> Floats:
        """Mapped values (MOS units), the shape of x. Raises ValueError when the fit is undefined."""
        standardisation, best, y_scale, y_mean = self.map_parts
        t = standardisation.apply(np.asarray(x, dtype=np.float64))
        return np.asarray(y_mean + y_scale * _curve(best, t), dtype=np.float64)

    @property
    def map_parts(self) -> tuple[Standardisation, Optimum, float, float]:
        """How x becomes t, the curve over t, and MOS per unit and at 0 of it. Raises ValueError when undefined."""
        if self._map is None:
            raise ValueError(f"the fit is undefined: {self.reason}")
        return self._map

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form: what is undefined is None."""
        return {
            "params": [finite_or_none(value) for value in self.params] if self._map is not None else None,
            "status": self.status,
            "direction": self.direction,
            "monotone": self.monotone,
            "rmse": finite_or_none(self.rmse),
            "steepness": finite_or_none(self.steepness),
            "plcc_step": finite_or_none(self.plcc_step),
            "form": self.form,
            "reason": self.reason,
        }


def fit_logistic(x: ArrayLike, y: ArrayLike, *, form: Form = "logistic5", thorough: bool = True) -> LogisticFit:
    """Fit eq. 4 (or its four-parameter form) of the MOS `y` on the predictions `x`, both of shape (n,), finite.

    `thorough=False` is for refits on resamples: below 1,000 rows it takes a quarter of the time and may end in an
    optimum next to the best.
    Raises ValueError on unequal lengths or non-finite values; see LogisticFit for everything else that can happen.
    """
    if form not in ("logistic5", "logistic4"):
        raise ValueError(f"unknown form {form!r}: logistic5 or logistic4")
    predictions, mos = as_pair(x, y)
    n = predictions.size
    if n < MIN_ROWS:
        return _undefined("too-few-rows", f"n = {n}: the logistic map needs at least {MIN_ROWS} rows", n, form)
    if is_constant(predictions):
        return _undefined("constant-predictions", "all predictions are the same", n, form)
    if is_constant(mos):
        return _undefined("constant-mos", "all MOS are the same", n, form)
    x_standard, y_standard = Standardisation.of(predictions), Standardisation.of(mos)
    sample = collapse(x_standard.apply(predictions), y_standard.apply(mos), line=form == "logistic5")
    best, step_sse = search(sample, thorough=thorough)
    direction = _direction(sample, best)
    return LogisticFit(
        params=_original_units(best, x_standard, y_standard),
        plcc=direction * _share(best.sse, sample.sst),
        rmse=math.sqrt(max(best.sse, 0.0) / n) * y_standard.scale,
        status=_status(sample, best),
        direction=direction,
        monotone=_is_monotone(sample, best),
        n=n,
        form=form,
        steepness=best.k * robust_deviation(sample),
        plcc_step=_share(step_sse, sample.sst),
        _map=(x_standard, best, y_standard.scale, y_standard.centre),
    )


def plcc(x: ArrayLike, y: ArrayLike) -> float:
    """Pearson between the MOS y and the eq. 4 map of the predictions x, signed by its direction; nan if undefined."""
    return fit_logistic(x, y).plcc


def finite_or_none(value: float) -> float | None:
    """A Python float for JSON, or None for nan and infinity."""
    value = float(value)
    return value if math.isfinite(value) else None


def _undefined(status: str, reason: str, n: int, form: Form) -> LogisticFit:
    nan = math.nan
    return LogisticFit((nan, nan, nan, nan, nan), nan, nan, status, 0, False, n, reason, form)


def _share(sse: float, sst: float) -> float:
    """Unsigned correlation of fitted and observed values: sqrt(1 - SSE / SST), exact at a least-squares optimum."""
    return math.sqrt(min(1.0, max(0.0, 1.0 - max(sse, 0.0) / sst)))


def _curve(best: Optimum, t: Floats) -> Floats:
    curve = best.slope * t + best.intercept
    if best.k > 0:
        # Clipped: at |argument| > 20 tanh is 1 to the last bit, and a step's k times a far t would overflow.
        curve = curve + best.amplitude * tanh(np.clip((t - best.c) * min(0.5 * best.k, 1e300), -20.0, 20.0))
    return np.asarray(curve, dtype=np.float64)


def _original_units(best: Optimum, x: Standardisation, y: Standardisation) -> tuple[float, float, float, float, float]:
    """(a1..a5) of eq. 4: A tanh(k (t - c) / 2) is a1 (1/2 - 1 / (1 + exp(a2 (x - a3)))) with a1 = 2 A."""
    slope = best.slope * y.scale / x.scale
    return (
        2.0 * best.amplitude * y.scale,
        (best.k or 1.0) / x.scale,
        x.centre + x.scale * best.c,
        slope,
        y.centre + y.scale * best.intercept - slope * x.centre,
    )


def _status(sample: Sample, best: Optimum) -> str:
    if best.k == 0:
        return "linear" if sample.line else "constant"
    if best.is_step:
        return "step"
    if best.k * robust_deviation(sample) > STEEP:
        return "steep"
    if best.at_smallest_k:
        return "cubic-limit"
    margin = 2.0 / best.k
    return "ok" if sample.low - margin < best.c < sample.high + margin else "exp-limit"


def _direction(sample: Sample, best: Optimum) -> int:
    """+1 where the map rises, -1 where it falls: the sign of its covariance with the ranks of the predictions.

    For a monotone map that is its only direction. For others it is the direction over most of the rows: comparing the
    two ends, or the raw correlation, would let one far-off prediction turn the sign of a good submission.
    """
    mid_ranks = np.cumsum(sample.weight) - 0.5 * sample.weight
    curve = _curve(best, sample.t)
    change = dot(sample.weight * (mid_ranks - 0.5 * sample.rows), curve)
    return -1 if change < 0 else 1


def _is_monotone(sample: Sample, best: Optimum) -> bool:
    """Whether the slope keeps its sign over the data: the tanh's slope is extreme at the ends and at its centre."""
    if best.k == 0:
        return True

    def bell(t: float) -> float:
        tail = exp(-abs(best.k * (t - best.c)))  # k / 2 times 1 / cosh^2
        return 2.0 * best.k * tail / ((1.0 + tail) * (1.0 + tail))

    ends = bell(sample.low), bell(sample.high)
    inside = sample.low <= best.c <= sample.high
    steepest = 0.5 * best.k if inside else max(ends)
    slopes = (best.slope + best.amplitude * min(ends), best.slope + best.amplitude * steepest)
    tolerance = 1e-7 * max(map(abs, slopes))
    return min(slopes) >= -tolerance or max(slopes) <= tolerance
