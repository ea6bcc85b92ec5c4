"""Global least squares for the logistic of eq. 4, by variable projection: a search over two unknowns instead of five.

With t the standardised predictions, eq. 4 reads

    f(t) = A tanh(k (t - c) / 2) + B t + C

(the symmetry (a1, a2) -> (-a1, -a2) lets k > 0). A, B and C are linear, so for given (k, c) the best residual sum of squares
is SSE(k, c) = SSE_line - (g.y)^2 / (g.g), g being the tanh column made orthogonal to 1 and t. Only (log k, c) is searched.
The infimum is often not attained (k -> inf is a step, c -> +-inf an exponential, k -> 0 a cubic): that is why curve_fit
from a single start wanders off, and why the search below is bounded and treats the step exactly.

Stages: the best step in closed form; a (k, c) grid on at most 160 bins; zooms round the best minima; bounded
Levenberg-Marquardt (Kaufman's Jacobian) on the full data. Deterministic: no random numbers.

Contract: `Sample` holds one unit-scaled problem, ties in t collapsed; `search(sample)` returns the best `Optimum`.
With `line=False` the column t is left out: the monotone four-parameter logistic, by the same engine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 160
SATURATION = 12.0  # c stays within this many 1/k of the data: beyond, tanh is an exponential to 1e-5
SMALLEST_KR = 0.2  # smallest k times the range of t: below, the curve is a cubic to 1e-4
LARGEST_K = 1e5  # largest k per robust standard deviation: a step for all practical purposes
CENTRE_QUANTILES = 11
OUTSIDE = np.array([12.0, 5.0, 1.5])  # centres beyond the data, in units of 1/k
MINIMA_KEPT = 5
STEPS_KEPT = 4
EXPONENTIAL = 4.0  # centres further outside the data than this, in units of 1/k, make an exponential
EDGE_ROUNDS = 9
ZOOM_ROUNDS = 3
REFINED = 3
NEGLIGIBLE = 1e-14  # g.g / n below this: g is a straight line but for rounding

_STENCIL = np.array([[i, j] for i in (-1, -0.5, 0, 0.5, 1) for j in (-1, -0.5, 0, 0.5, 1)], dtype=np.float64)


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
        return float(self.t @ self.total) / self.rows if self.line else 0.0

    @cached_property
    def sse_line(self) -> float:
        """Residual sum of squares without the tanh term."""
        return self.sst - self.rows * self.slope**2

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
    k: float
    c: float
    amplitude: float
    slope: float
    intercept: float
    is_step: bool = False
    at_smallest_k: bool = False


@dataclass(frozen=True)
class Limits:
    """Bounds of the search: log k between the two, c within SATURATION / k of the data."""

    log_k_low: float
    log_k_high: float
    low: float
    high: float

    def clip_centre(self, c: Floats, log_k: Floats) -> Floats:
        """c moved into its bounds, which depend on k."""
        margin = SATURATION * np.exp(-log_k)
        return np.minimum(np.maximum(c, self.low - margin), self.high + margin)


def collapse(t: Floats, y: Floats, line: bool = True) -> Sample:
    """Sample from rows (t standardised, y centred), sorted and with equal t merged."""
    order = np.lexsort((y, t))  # y breaks ties so that sums do not depend on the order of the rows
    t, y = t[order], y[order]
    starts = np.flatnonzero(np.concatenate(([True], t[1:] > t[:-1])))
    weight = np.diff(np.append(starts, t.size)).astype(np.float64)
    total = y if starts.size == t.size else np.add.reduceat(y, starts)
    return Sample(t[starts], weight, total, t.size, float(y @ y), line)


def robust_deviation(sample: Sample) -> float:
    """Interquartile range of t over 1.349, at most 1: the standard deviation but for outliers."""
    middle = (np.cumsum(sample.weight) - 0.5 * sample.weight) / sample.rows
    first, third = np.interp([0.25, 0.75], middle, sample.t)
    return min(1.0, float(third - first) / 1.349) if third > first else 1.0


def straight_line(sample: Sample) -> Optimum:
    """The best line (or constant, without the line term)."""
    return Optimum(sample.sse_line, 0.0, 0.0, 0.0, sample.slope, 0.0)


def search(sample: Sample) -> tuple[Optimum, float]:
    """The least-squares optimum over all (k, c), and the residual of the best step plus line."""
    best = straight_line(sample)
    if sample.t.size < (3 if sample.line else 2) or best.sse <= 1e-13 * sample.sst:
        return best, best.sse
    limits = Limits(
        math.log(SMALLEST_KR / (sample.high - sample.low)),
        math.log(LARGEST_K / max(robust_deviation(sample), 1e-9)),
        sample.low,
        sample.high,
    )
    gains = step_gains(sample)
    step_at = int(np.argmax(gains))
    step_sse = sample.sse_line - float(gains[step_at])
    steps = _step_starts(sample, gains, limits)
    starts = [*_grid_starts(compress(sample), steps, limits), (float(steps[0, 0]), float(steps[0, 1]))]
    rough = sorted((_descend(sample, limits, start, 6, 1e-6) for start in starts), key=lambda o: o.sse)
    for candidate in rough[:2]:
        if candidate.k > 0 and candidate.sse <= rough[0].sse + 2e-4 * sample.sst and not _same(candidate, best, sample):
            refined = _descend(sample, limits, (math.log(candidate.k), candidate.c), 60, 1e-13)
            refined = min(refined, _exponential(sample, limits, refined), key=lambda o: o.sse)
            if refined.sse < best.sse * (1 - 1e-12):
                best = refined
    if step_sse < best.sse * (1 - 1e-12):
        best = _exact_step(sample, step_at) or best
    return best, step_sse


def _same(a: Optimum, b: Optimum, sample: Sample) -> bool:
    """Whether two starts lie so close together that they descend to one optimum."""
    if a.k <= 0 or b.k <= 0:
        return False
    return abs(math.log(a.k / b.k)) < 0.01 and abs(a.c - b.c) < 0.001 * (sample.high - sample.low)


# ----- the step limit (k -> infinity), in closed form


def step_gains(sample: Sample) -> Floats:
    """What a step between each two neighbouring t takes off SSE_line, shape (u - 1,): prefix sums, O(u)."""
    n = sample.rows
    residual = sample.total - sample.weight * (sample.slope * sample.t)
    below = np.cumsum(sample.weight)[:-1]
    moment = np.cumsum(sample.moment)[:-1]
    fitted = np.cumsum(residual)[:-1]
    square = below * (n - below) / n
    if sample.line:
        square = square - moment * moment / n
    usable = square > 1e-9 * n
    return np.where(usable, fitted * fitted / np.where(usable, square, 1.0), 0.0)


def _step_starts(sample: Sample, gains: Floats, limits: Limits) -> Floats:
    """(log k, c) of steep curves at the best steps, shape (<= STEPS_KEPT, 2)."""
    last = sample.t.size - 1
    best = np.argsort(-gains, kind="stable")[:STEPS_KEPT]
    width = sample.t[np.minimum(best + 3, last)] - sample.t[np.maximum(best - 2, 0)]
    log_k = np.minimum(limits.log_k_high, np.log(8.0 / np.maximum(width, 1e-12)))
    return np.stack([log_k, 0.5 * (sample.t[best] + sample.t[best + 1])], axis=1)


def _exact_step(sample: Sample, at: int) -> Optimum | None:
    """The step between t[at] and t[at + 1] as a tanh so steep that it saturates at both neighbours."""
    gap = float(sample.t[at + 1] - sample.t[at])
    log_k = min(math.log(80.0 / gap), 690.0)
    point = _evaluate(sample, log_k, 0.5 * float(sample.t[at] + sample.t[at + 1]))
    return None if point is None else point.optimum(sample, is_step=True)


# ----- the exponential limit (c -> +-infinity): only k matters


def _exponential(sample: Sample, limits: Limits, start: Optimum) -> Optimum:
    """The best curve with c at its bound, near a start whose centre lies far outside the data; else the start.

    There (k, c) is a flat valley in which Levenberg-Marquardt creeps, but along the bound the problem has one unknown.
    """
    outside = max(start.c - limits.high, limits.low - start.c) * start.k
    if outside < EXPONENTIAL:
        return start
    sign = 1.0 if start.c > limits.high else -1.0
    log_k, width = math.log(start.k), 1.0
    for _ in range(EDGE_ROUNDS):
        candidates = np.clip(log_k + width * np.linspace(-1, 1, 7), limits.log_k_low, limits.log_k_high)
        residuals = profile(sample, np.exp(candidates), limits.clip_centre(np.full(7, sign * np.inf), candidates))
        best = int(residuals.argmin())
        log_k = float(candidates[best])
        width *= 0.4
    centre = float(limits.clip_centre(np.array([sign * np.inf]), np.array([log_k]))[0])
    point = _evaluate(sample, log_k, centre)
    return start if point is None else point.optimum(sample)


# ----- grid and zoom on binned data


def compress(sample: Sample) -> Sample:
    """At most BINS equal-count bins (centroid and sum of y), standardised again; the sample itself when it is small."""
    if sample.t.size <= BINS:
        return sample
    n = sample.rows
    edges = np.searchsorted(np.cumsum(sample.weight), np.linspace(0, n, BINS + 1)[1:-1])
    edges = np.unique(np.concatenate(([0], edges[edges < sample.t.size])))
    weight = np.add.reduceat(sample.weight, edges)
    t = np.add.reduceat(sample.weight * sample.t, edges) / weight
    t = t - float(weight @ t) / n
    t = t / math.sqrt(float((weight * t) @ t) / n)
    total = np.add.reduceat(sample.total, edges)
    return Sample(t, weight, total - weight * (float(total.sum()) / n), n, sample.sst, sample.line)


def profile(sample: Sample, k: Floats, c: Floats) -> Floats:
    """SSE(k, c) for vectors of k and c, shape (m,).

    The orthogonal column is formed explicitly: expanding its square into moments loses all digits near the limits.
    """
    n = sample.rows
    g = np.subtract.outer(-c, -sample.t)
    g *= (0.5 * k)[:, None]
    np.tanh(g, out=g)
    g -= (g @ sample.weight)[:, None] / n
    if sample.line:
        g -= np.outer(g @ sample.moment / n, sample.t)
    projection = g @ sample.total
    g *= g
    square = g @ sample.weight
    usable = square > NEGLIGIBLE * n
    return np.asarray(sample.sse_line - np.where(usable, projection**2 / np.where(usable, square, 1.0), 0.0))


def _grid_starts(bins: Sample, steps: Floats, limits: Limits) -> list[tuple[float, float]]:
    """The most promising distinct (log k, c): local minima of a grid and the best steps, after zooming in."""
    count = math.ceil((limits.log_k_high - limits.log_k_low) / math.log(2.0)) + 1
    log_k = np.linspace(limits.log_k_low, limits.log_k_high, count)
    centres = _grid_centres(bins, log_k)
    residuals = profile(bins, np.exp(np.repeat(log_k, centres.shape[1])), centres.ravel()).reshape(centres.shape)
    rows, columns = _local_minima(residuals)
    points = np.concatenate([np.stack([log_k[rows], centres[rows, columns]], axis=1), steps])
    spacing = np.gradient(centres, axis=1)[rows, columns]
    reach = np.concatenate([spacing, 0.5 * np.exp(-steps[:, 0])])
    points, residual = _zoom(bins, points, float(log_k[1] - log_k[0]), reach, limits)
    kept: list[tuple[float, float]] = []
    for i in np.argsort(residual, kind="stable"):
        here = (float(points[i, 0]), float(points[i, 1]))
        near = 0.002 * (limits.high - limits.low)
        if all(abs(here[0] - other[0]) > 0.02 or abs(here[1] - other[1]) > near for other in kept):
            kept.append(here)
        if len(kept) == REFINED:
            break
    return kept


def _grid_centres(bins: Sample, log_k: Floats) -> Floats:
    """Centres for every k: quantiles of t, and points outside the data scaled by 1/k; shape (len(log_k), 17)."""
    middle = (np.cumsum(bins.weight) - 0.5 * bins.weight) / bins.rows
    inside = np.interp(np.linspace(0, 1, CENTRE_QUANTILES), middle, bins.t)
    outside = np.outer(np.exp(-log_k), OUTSIDE)
    quantiles = np.broadcast_to(inside, (log_k.size, CENTRE_QUANTILES))
    return np.concatenate([bins.low - outside, quantiles, bins.high + outside[:, ::-1]], axis=1)


def _local_minima(residuals: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column of the lowest grid points that no neighbour undercuts, best first."""
    height, width = residuals.shape
    padded = np.pad(residuals, 1, constant_values=np.inf)
    lowest = np.ones_like(residuals, dtype=bool)
    for i in (0, 1, 2):
        for j in (0, 1, 2):
            if (i, j) != (1, 1):
                lowest &= residuals <= padded[i : i + height, j : j + width]
    rows, columns = np.nonzero(lowest)
    best = np.argsort(residuals[rows, columns], kind="stable")[:MINIMA_KEPT]
    return rows[best], columns[best]


def _zoom(bins: Sample, points: Floats, step: float, reach: Floats, limits: Limits) -> tuple[Floats, Floats]:
    """Move each point to the best of the 5 x 5 around it, halving the stencil each round; points and their residuals."""
    which = np.arange(len(points))
    residual = np.full(len(points), np.inf)
    for round_ in range(ZOOM_ROUNDS):
        scale = 0.5**round_
        log_k = np.clip(points[:, :1] + _STENCIL[:, 0] * (step * scale), limits.log_k_low, limits.log_k_high)
        centres = limits.clip_centre(points[:, 1:] + _STENCIL[:, 1] * (reach * scale)[:, None], log_k)
        around = profile(bins, np.exp(log_k.ravel()), centres.ravel()).reshape(log_k.shape)
        best = around.argmin(axis=1)
        points = np.stack([log_k[which, best], centres[which, best]], axis=1)
        residual = around[which, best]
    return points, residual


# ----- bounded Levenberg-Marquardt on the full data


@dataclass(frozen=True)
class _Point:
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
        k = math.exp(self.log_k)
        return Optimum(self.sse, k, self.c, self.amplitude, slope, intercept, is_step, at_smallest_k)


def _evaluate(sample: Sample, log_k: float, c: float) -> _Point | None:
    """The point (log k, c); None where the tanh column is a straight line but for rounding."""
    n = sample.rows
    g = np.tanh((0.5 * math.exp(log_k)) * (sample.t - c))
    on_one = float(g @ sample.weight) / n
    column = g - on_one
    on_t = 0.0
    if sample.line:
        on_t = float(column @ sample.moment) / n
        column -= on_t * sample.t
    square = float((sample.weight * column) @ column)
    if square <= NEGLIGIBLE * n:
        return None
    projection = float(column @ sample.total)
    sse = sample.sse_line - projection * projection / square
    return _Point(sse, log_k, c, g, column, square, projection / square, on_t, on_one)


def _normal_equations(sample: Sample, point: _Point, residual: Floats) -> tuple[float, float, float, float, float]:
    """(h11, h12, h22, q1, q2): Gauss-Newton system of Kaufman's projected Jacobian in (log k, c).

    `residual` is the weighted residual of the straight line.
    """
    n = sample.rows
    error = residual - point.amplitude * (sample.weight * point.residual_column)
    by_c = (point.g * point.g - 1.0) * (0.5 * point.amplitude * math.exp(point.log_k))
    by_log_k = by_c * (point.c - sample.t)
    weighted_1, weighted_2 = by_log_k * sample.weight, by_c * sample.weight
    h11, h12, h22 = float(weighted_1 @ by_log_k), float(weighted_1 @ by_c), float(weighted_2 @ by_c)
    # Take out what the linear unknowns absorb: the projections on 1, on the tanh column and on t, which are orthogonal.
    columns = [(float(weighted_1.sum()), float(weighted_2.sum()), float(n))]
    columns.append((float(weighted_1 @ point.residual_column), float(weighted_2 @ point.residual_column), point.square))
    if sample.line:
        columns.append((float(weighted_1 @ sample.t), float(weighted_2 @ sample.t), float(n)))
    for on_1, on_2, square in columns:
        h11, h12, h22 = h11 - on_1 * on_1 / square, h12 - on_1 * on_2 / square, h22 - on_2 * on_2 / square
    return h11, h12, h22, float(by_log_k @ error), float(by_c @ error)


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


def _at_bounds(point: _Point, limits: Limits, q1: float, q2: float) -> tuple[bool, bool]:
    """Which unknowns sit on a bound that the gradient pushes them against."""
    margin = SATURATION * math.exp(-point.log_k) * (1 - 1e-12)
    k_held = (point.log_k <= limits.log_k_low and q1 < 0) or (point.log_k >= limits.log_k_high and q1 > 0)
    c_held = (point.c <= limits.low - margin and q2 < 0) or (point.c >= limits.high + margin and q2 > 0)
    return k_held, c_held


def _improve(
    sample: Sample, limits: Limits, point: _Point, residual: Floats, damping: float
) -> tuple[_Point | None, float]:
    """One accepted step (None when no damping of twelve helps) and the damping to go on with."""
    system = _normal_equations(sample, point, residual)
    frozen = _at_bounds(point, limits, system[3], system[4])
    if all(frozen):
        return None, damping
    for _ in range(12):
        step = _damped_step(system, damping, frozen)
        if step is None:
            damping = max(damping * 10, 1e-6)
            continue
        log_k = min(max(point.log_k + min(max(step[0], -1.5), 1.5), limits.log_k_low), limits.log_k_high)
        margin = SATURATION * math.exp(-log_k)
        c = min(max(point.c + step[1], limits.low - margin), limits.high + margin)
        there = _evaluate(sample, log_k, c)
        if there is not None and there.sse < point.sse:
            return there, max(damping * 0.1, 1e-10)
        damping *= 8
    return None, damping


def _descend(sample: Sample, limits: Limits, start: tuple[float, float], iterations: int, tolerance: float) -> Optimum:
    """Levenberg-Marquardt from one start, until a step gains less than tolerance x sst."""
    point = _evaluate(sample, *start)
    if point is None:
        return straight_line(sample)
    residual = sample.total - sample.weight * (sample.slope * sample.t)
    damping = 1e-3
    for _ in range(iterations):
        better, damping = _improve(sample, limits, point, residual, damping)
        if better is None:
            break
        gain, point = point.sse - better.sse, better
        if gain <= tolerance * sample.sst:
            break
    return point.optimum(sample, at_smallest_k=point.log_k <= limits.log_k_low + 1e-9)
