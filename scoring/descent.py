"""The least-squares problem of eq. 4 in two unknowns, and bounded Levenberg-Marquardt descent on it.

Contract: `Sample` holds one unit-scaled problem with ties collapsed; `evaluate_point` gives the best curve for one
(log k, c), with A, B and C projected out; `descend` follows Kaufman's Jacobian of the projected problem from one start
to a local optimum. The model and the search around it are stated in `scoring.variable_projection`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scoring.portable import dot, exp, interpolate, tanh

Floats = NDArray[np.float64]

SATURATION = 12.0  # c stays within this many 1/k of the data: beyond, tanh is an exponential to 1e-5
NEGLIGIBLE = 1e-14  # g.g / n below this: g is a straight line but for rounding


@dataclass(frozen=True)
class Sample:
    """One least-squares problem, ties collapsed: at each of u ascending `t`, `weight` rows whose y sum to `total`.

    Over the rows t has mean 0 and mean square 1, and y has mean 0. `sst` is the sum of y squared over the rows.
    """

    t: Floats
    weight: Floats
    total: Floats
    rows: int
    sst: float
    line: bool = True

    @cached_property
    def moment(self) -> Floats:
        """Weight times t."""
        return self.weight * self.t

    @cached_property
    def slope(self) -> float:
        """Least-squares slope of y on t (0 when the model has no straight-line term)."""
        return dot(self.t, self.total) / self.rows if self.line else 0.0

    @cached_property
    def sse_line(self) -> float:
        """Residual sum of squares without the tanh term."""
        return self.sst - self.rows * self.slope * self.slope

    @cached_property
    def low(self) -> float:
        """Smallest t."""
        return float(self.t[0])

    @cached_property
    def high(self) -> float:
        """Largest t."""
        return float(self.t[-1])


@dataclass(frozen=True)
class Optimum:
    """The best curve: A tanh(k (t - c) / 2) + B t + C with residual `sse`. k = 0 means the straight line alone."""

    sse: float
    log_k: float
    c: float
    amplitude: float
    slope: float
    intercept: float
    is_step: bool = False
    at_smallest_k: bool = False

    @cached_property
    def k(self) -> float:
        """Steepness per unit of t."""
        return exp(self.log_k)


@dataclass(frozen=True)
class Limits:
    """Bounds of the search: log k between the two, c within SATURATION / k of the data."""

    log_k_low: float
    log_k_high: float
    low: float
    high: float

    def clip_centre(self, c: Floats, log_k: Floats) -> Floats:
        """c moved into its bounds, which depend on k."""
        margin = SATURATION * exp(-log_k)
        return np.minimum(np.maximum(c, self.low - margin), self.high + margin)


def collapse(t: Floats, y: Floats, line: bool = True) -> Sample:
    """Sample from rows (t standardised, y centred), sorted and with equal t merged."""
    order = np.lexsort((y, t))  # y breaks ties so that sums do not depend on the order of the rows
    t, y = t[order], y[order]
    starts = np.flatnonzero(np.concatenate(([True], t[1:] > t[:-1])))
    weight = np.diff(np.append(starts, t.size)).astype(np.float64)
    total = y if starts.size == t.size else np.add.reduceat(y, starts)
    return Sample(t[starts], weight, total, t.size, dot(y, y), line)


def robust_deviation(sample: Sample) -> float:
    """Interquartile range of t over 1.349, at most 1: the standard deviation but for outliers."""
    middle = (np.cumsum(sample.weight) - 0.5 * sample.weight) / sample.rows
    first, third = interpolate(np.array([0.25, 0.75]), middle, sample.t).tolist()
    return min(1.0, (third - first) / 1.349) if third > first else 1.0


def straight_line(sample: Sample) -> Optimum:
    """The best line (or constant, without the line term)."""
    return Optimum(sample.sse_line, -math.inf, 0.0, 0.0, sample.slope, 0.0)


@dataclass(frozen=True)
class Point:
    """SSE and what its derivatives need at one (log k, c)."""

    sse: float
    log_k: float
    c: float
    g: Floats  # tanh column
    residual_column: Floats  # g made orthogonal to 1 and t
    square: float  # its weighted square
    amplitude: float
    on_t: float  # projection of g on t
    on_one: float  # and on 1

    def optimum(self, sample: Sample, is_step: bool = False, at_smallest_k: bool = False) -> Optimum:
        slope = sample.slope - self.amplitude * self.on_t
        intercept = -self.amplitude * self.on_one
        return Optimum(self.sse, self.log_k, self.c, self.amplitude, slope, intercept, is_step, at_smallest_k)


def evaluate_point(sample: Sample, log_k: float, c: float) -> Point | None:
    """The point (log k, c); None where the tanh column is a straight line but for rounding."""
    n = sample.rows
    g = tanh((0.5 * exp(log_k)) * (sample.t - c))
    on_one = dot(g, sample.weight) / n
    column = g - on_one
    on_t = 0.0
    if sample.line:
        on_t = dot(column, sample.moment) / n
        column -= on_t * sample.t
    square = dot(sample.weight * column, column)
    if square <= NEGLIGIBLE * n:
        return None
    projection = dot(column, sample.total)
    sse = sample.sse_line - projection * projection / square
    return Point(sse, log_k, c, g, column, square, projection / square, on_t, on_one)


def _normal_equations(sample: Sample, point: Point, residual: Floats) -> tuple[float, float, float, float, float]:
    """(h11, h12, h22, q1, q2): Gauss-Newton system of Kaufman's projected Jacobian in log k and c, see `_moved`.

    `residual` is the weighted residual of the straight line.
    """
    n = sample.rows
    error = residual - point.amplitude * (sample.weight * point.residual_column)
    by_c = (point.g * point.g - 1.0) * (0.5 * point.amplitude * exp(point.log_k))
    by_log_k = by_c * (_anchor(sample, point.c) - sample.t)
    weighted_1, weighted_2 = by_log_k * sample.weight, by_c * sample.weight
    h11, h12, h22 = dot(weighted_1, by_log_k), dot(weighted_1, by_c), dot(weighted_2, by_c)
    # Take out what the linear unknowns absorb: the projections on 1, on the tanh column and on t, which are orthogonal.
    columns = [(float(weighted_1.sum()), float(weighted_2.sum()), float(n))]
    columns.append((dot(weighted_1, point.residual_column), dot(weighted_2, point.residual_column), point.square))
    if sample.line:
        columns.append((dot(weighted_1, sample.t), dot(weighted_2, sample.t), float(n)))
    for on_1, on_2, square in columns:
        h11, h12, h22 = h11 - on_1 * on_1 / square, h12 - on_1 * on_2 / square, h22 - on_2 * on_2 / square
    return h11, h12, h22, dot(by_log_k, error), dot(by_c, error)


def _anchor(sample: Sample, c: float) -> float:
    """The place that stays put when k changes: c itself among the data, else the end of the data next to it."""
    return min(max(c, sample.low), sample.high)


def _moved(sample: Sample, limits: Limits, point: Point, step: tuple[float, float]) -> tuple[float, float]:
    """(log k, c) after a step, within the bounds.

    Beyond the data only k (c - anchor) shapes the curve, so a step in log k keeps that product and moves c: in (log k,
    c) themselves the valley is bent, and steps that follow its tangent creep.
    """
    log_k = min(max(point.log_k + min(max(step[0], -1.5), 1.5), limits.log_k_low), limits.log_k_high)
    anchor, margin = _anchor(sample, point.c), SATURATION * exp(-log_k)
    c = anchor + (point.c - anchor + step[1]) * exp(point.log_k - log_k)
    return log_k, min(max(c, limits.low - margin), limits.high + margin)


def _damped_step(
    system: tuple[float, float, float, float, float], damping: float, frozen: tuple[bool, bool]
) -> tuple[float, float] | None:
    """Levenberg-Marquardt step in (log k, c), with frozen unknowns held; None when the system is singular."""
    h11, h12, h22, q1, q2 = system
    a11, a22 = h11 * (1 + damping) + 1e-300, h22 * (1 + damping) + 1e-300
    if frozen[0]:
        return 0.0, q2 / a22
    if frozen[1]:
        return q1 / a11, 0.0
    determinant = a11 * a22 - h12 * h12
    if determinant <= 1e-13 * a11 * a22:
        return None
    return (a22 * q1 - h12 * q2) / determinant, (a11 * q2 - h12 * q1) / determinant


def _at_bounds(point: Point, limits: Limits, q1: float, q2: float) -> tuple[bool, bool]:
    """Which unknowns sit on a bound that the gradient pushes them against."""
    margin = SATURATION * exp(-point.log_k) * (1 - 1e-12)
    k_held = (point.log_k <= limits.log_k_low and q1 < 0) or (point.log_k >= limits.log_k_high and q1 > 0)
    c_held = (point.c <= limits.low - margin and q2 < 0) or (point.c >= limits.high + margin and q2 > 0)
    return k_held, c_held


def _improve(
    sample: Sample, limits: Limits, point: Point, residual: Floats, damping: float, *, least_gain: float
) -> tuple[Point | None, float]:
    """One accepted step (None when none promises `least_gain` or no damping of twelve helps) and the next damping."""
    system = _normal_equations(sample, point, residual)
    frozen = _at_bounds(point, limits, system[3], system[4])
    if all(frozen):
        return None, damping
    for _ in range(12):
        step = _damped_step(system, damping, frozen)
        if step is None:
            damping = max(damping * 10, 1e-6)
            continue
        if 2 * (step[0] * system[3] + step[1] * system[4]) <= least_gain:
            break  # to first order no shorter step can gain more
        there = evaluate_point(sample, *_moved(sample, limits, point, step))
        if there is not None and there.sse < point.sse:
            return there, max(damping * 0.1, 1e-10)
        damping *= 8
    return None, damping


def descend(sample: Sample, limits: Limits, start: tuple[float, float], iterations: int, tolerance: float) -> Optimum:
    """Levenberg-Marquardt from one start, until a step gains less than tolerance x sst."""
    point = evaluate_point(sample, *start)
    if point is None:
        return straight_line(sample)
    residual = sample.total - sample.weight * (sample.slope * sample.t)
    damping = 1e-3
    for _ in range(iterations):
        better, damping = _improve(sample, limits, point, residual, damping, least_gain=tolerance * sample.sst)
        if better is None:
            break
        gain, point = point.sse - better.sse, better
        if gain <= tolerance * sample.sst:
            break
    return point.optimum(sample, at_smallest_k=point.log_k <= limits.log_k_low + 1e-9)
