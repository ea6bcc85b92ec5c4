"""Percentile intervals by the paired bootstrap: the same resamples for every submission to the same answer key.

A resample is a vector of multiplicities, how often each row was drawn. The vectors depend only on (n, seed), and rows
come in ascending order of name, so all submissions share them: differences between two of them are paired. On each
resample SRoCC (weighted mid-ranks) and KRoCC (tau-b) equal what scipy gives on the repeated rows; PLCC and RMSE hold
the fitted map fixed (refitting it moves PLCC by about 1e-4 at n = 4,000 and costs twenty times as much).

Contract: all counts are integers held in float64, exact below 2^53. Work is done in slabs of resamples, so memory
does not grow with their number. A thousand resamples take about 0.2 s at n = 4,000 and 1.2 s at n = 20,000 (one loaded
core).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from scoring.correlations import dense_codes, is_constant, power_of_two
from scoring.formula import Formula
from scoring.inversions import WeightedInversions
from scoring.logistic import LogisticFit
from scoring.scratch import Scratch

Floats = NDArray[np.float64]

LEVEL = 0.95
MOSTLY = 0.95  # share of resamples that must define a metric for its interval to mean anything
_SLAB = 1 << 18  # numbers per slab: a few arrays of this size fit the cache


def intervals_of(draws: Mapping[str, Floats]) -> dict[str, list[float]]:
    """95 % percentile intervals [low, high] from `bootstrap_draws`.

    A metric that is undefined, or undefined on more than 5 % of the resamples, has no entry.
    """
    intervals = {}
    for name, values in draws.items():
        defined = values[np.isfinite(values)]
        if defined.size > 0 and defined.size >= MOSTLY * values.size:
            low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            intervals[name] = [float(low), float(high)]
    return intervals


def bootstrap_draws(
    x: Floats,
    y: Floats,
    fit: LogisticFit,
    fit4: LogisticFit | None,
    formula: Formula,
    *,
    resamples: int = 1000,
    seed: int = 0,
    scratch: Scratch | None = None,
) -> dict[str, Floats]:
    """{metric: value on each resample}, shape (resamples,), nan where a resample leaves the metric undefined.

    x, y: rows in ascending order of name, shape (n,). Metrics that the whole sample leaves undefined are absent.
    """
    kernel = DrawKernel(x, y, fit, fit4, formula, scratch=scratch)
    return kernel.join([kernel(weights) for weights in multiplicities(x.size, resamples, seed)])


class DrawKernel:
    """The metrics of one submission on slabs of resamples; `wanted` (default: all) saves the work for the others.

    Several submissions can be driven through the same slabs: `join` puts the slabs of one of them together. Kernels
    that never run at the same time should share one `scratch`.
    """

    def __init__(
        self,
        x: Floats,
        y: Floats,
        fit: LogisticFit,
        fit4: LogisticFit | None,
        formula: Formula,
        *,
        wanted: Collection[str] | None = None,
        scratch: Scratch | None = None,
    ) -> None:
        self.formula = formula
        self.wanted = None if wanted is None else {*wanted, *(formula.metrics if "main" in wanted else ())}
        self.parts: list[RankBootstrap | _Moments] = []
        if x.size < 2 or is_constant(x) or is_constant(y):
            return
        kendall = self.wanted is None or "krocc" in self.wanted
        if kendall or self.wanted is None or "srocc" in self.wanted:
            self.parts.append(RankBootstrap(x, y, scratch or Scratch(), kendall=kendall))
        self.parts.append(_Moments(x, y, fit, fit4))

    def __call__(self, weights: Floats) -> dict[str, Floats]:
        """{metric: values} of shape (m,) for weights of shape (n, m); without main."""
        found: dict[str, Floats] = {}
        for part in self.parts:
            found |= part(weights)
        return found

    def join(self, slabs: list[dict[str, Floats]]) -> dict[str, Floats]:
        """{metric: values over all slabs}, with main, limited to what was wanted."""
        draws = {name: np.concatenate([slab[name] for slab in slabs]) for name in (slabs[0] if slabs else ())}
        if all(name in draws for name in self.formula.metrics):
            resamples = draws[self.formula.metrics[0]].size
            draws["main"] = np.array([_main(self.formula, draws, i) for i in range(resamples)], dtype=np.float64)
        return {name: values for name, values in draws.items() if self.wanted is None or name in self.wanted}


def _main(formula: Formula, draws: dict[str, Floats], i: int) -> float:
    value = formula.evaluate({name: float(draws[name][i]) for name in formula.metrics})
    return math.nan if value is None else value


def multiplicities(n: int, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each row is drawn: slabs of shape (n, <= width), one column per resample, each column summing to n.

    The columns depend on n and seed alone, not on the width of the slabs or the number of resamples.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    width = max(8, _SLAB // n)
    for start in range(0, resamples, width):
        slab = np.empty((n, min(width, resamples - start)), dtype=np.float64)
        for column in range(slab.shape[1]):
            slab[:, column] = np.bincount(generator.integers(n, size=n), minlength=n)
        yield slab


class _Moments:
    """Pearson correlations and RMSE of weighted rows, by one matrix product per slab.

    The columns are rounded to multiples of n 2^-53 of their largest magnitude: their weighted sums are then exact, so
    that no choice of the BLAS in adding them can show.
    """

    def __init__(self, x: Floats, y: Floats, fit: LogisticFit, fit4: LogisticFit | None) -> None:
        self.n = x.size
        self.signs: dict[str, int] = {"pearson": 1}
        mapped = {"pearson": x}
        for name, one in (("plcc", fit), ("plcc_logistic4", fit4)):
            if one is not None and not one.reason:
                mapped[name] = one.predict(x)
                self.signs[name] = one.direction
        self.has_rmse = "plcc" in mapped
        target = _standardised(y)
        columns = [target, target * target]
        for values in mapped.values():
            column = _standardised(values)
            columns += [column, column * column, column * target]
        if self.has_rmse:
            error = y - mapped["plcc"]
            columns.append(error * error)
        step = [math.ldexp(power_of_two(column), x.size.bit_length() - 53) for column in columns]
        self.step = np.array(step)[:, None]
        self.columns = np.rint(np.stack(columns) / self.step)

    def __call__(self, weights: Floats) -> dict[str, Floats]:
        means = (self.columns @ weights) * self.step / self.n
        target_variance = means[1] - means[0] * means[0]
        found = {}
        for i, (name, sign) in enumerate(self.signs.items()):
            mean, square, product = means[2 + 3 * i : 5 + 3 * i]
            found[name] = sign * _ratio(product - mean * means[0], square - mean * mean, target_variance)
        if self.has_rmse:
            found["rmse"] = np.sqrt(means[-1])
        return found


class RankBootstrap:
    """SRoCC and tau-b of weighted rows; everything that does not depend on the weights is worked out once.

    `kendall=False` leaves tau-b out, which is most of the work.
    """

    def __init__(self, x: Floats, y: Floats, scratch: Scratch, *, kendall: bool = True) -> None:
        self.scratch = scratch
        a, b = dense_codes(x), dense_codes(y)
        self.rows = np.lexsort((b, a))  # all that follows counts rows in the order (x, y)
        a, b = a[self.rows], b[self.rows]
        self.n = x.size
        self.by_b = np.argsort(b, kind="stable")
        self.place_in_b = np.argsort(self.by_b, kind="stable")
        self.ties_a, self.ties_b = _Ties("a", a), _Ties("b", b[self.by_b])
        self.ties_both = _Ties("both", a * (int(b.max()) + 1) + b)
        # Ties in b keep their order, and those in a are ordered by b: neither is an inversion.
        self.inversions = WeightedInversions(self.place_in_b) if kendall else None

    def __call__(self, weights: Floats) -> dict[str, Floats]:
        """{"srocc", "krocc" unless left out} for weights of shape (n, m), one column per resample."""
        scratch = self.scratch
        weights = scratch.take("weights", weights, self.rows)
        below_a = _below(weights, scratch("below a", (self.n + 1, weights.shape[1])))
        below_b = _below(
            scratch.take("weights b", weights, self.by_b), scratch("below b", (self.n + 1, weights.shape[1]))
        )
        tied_a, tied_b = self.ties_a.weights(below_a, scratch), self.ties_b.weights(below_b, scratch)
        found = {}
        if self.inversions is not None:
            discordant = self.inversions(weights, scratch)
            pairs = self.n * (self.n - 1) / 2
            ties = [np.einsum("ij,ij->j", h, h) / 2 - self.n / 2 for h in (tied_a, tied_b)]
            both = self.ties_both.weights(below_a, scratch)
            score = pairs - ties[0] - ties[1] + np.einsum("ij,ij->j", both, both) / 2 - self.n / 2 - 2 * discordant
            found["krocc"] = _ratio(score, pairs - ties[0], pairs - ties[1])
        # The weighted sum of squares of twice the rank deviations is (n^3 - sum of h^3) / 3 over the groups' weights h.
        squares = [(self.n**3 - np.einsum("ij,ij,ij->j", h, h, h)) / 3 for h in (tied_a, tied_b)]
        rank_a = self.ties_a.rank_deviations(below_a, scratch)
        rank_a *= weights
        rank_b = scratch.take("ranks b", self.ties_b.rank_deviations(below_b, scratch), self.place_in_b)
        found["srocc"] = _ratio(np.einsum("ij,ij->j", rank_a, rank_b), squares[0], squares[1])
        return found


class _Ties:
    """Groups of equal values among rows in ascending order, seen through `_below` of the weights."""

    def __init__(self, name: str, ordered: NDArray[np.int64]) -> None:
        self.name = name
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        group = np.cumsum(np.diff(ordered, prepend=ordered[0]) != 0)
        self.edges = np.append(starts, ordered.size)
        self.first, self.after = starts[group], self.edges[1:][group]
        # Nothing is tied in most data: slices are then as good as gathering rows, and faster.
        self.none = starts.size == ordered.size

    def rank_deviations(self, below: Floats, scratch: Scratch) -> Floats:
        """Twice the deviation of each row's mid-rank from the mean rank: weight below its group less weight above."""
        out = scratch(f"ranks {self.name}", (below.shape[0] - 1, below.shape[1]))
        if self.none:
            np.add(below[:-1], below[1:], out=out)
        else:
            np.add(scratch.take("first", below, self.first), scratch.take("after", below, self.after), out=out)
        out -= below.shape[0] - 1
        return out

    def weights(self, below: Floats, scratch: Scratch) -> Floats:
        """The weight of each group, shape (groups, m)."""
        edges = below if self.none else scratch.take("edges", below, self.edges)
        out = scratch(f"groups {self.name}", (edges.shape[0] - 1, edges.shape[1]))
        return np.asarray(np.subtract(edges[1:], edges[:-1], out=out))


def _below(weights: Floats, out: Floats) -> Floats:
    """Running sums of the rows, before the first to after the last, in `out` of shape (n + 1, m)."""
    out[0] = 0
    np.cumsum(weights, axis=0, out=out[1:])
    return out


def _standardised(values: Floats) -> Floats:
    scaled = values / power_of_two(values)  # exact, and no sum of huge values overflows
    deviation = scaled - scaled.mean()
    return np.asarray(deviation / (np.abs(deviation).max() or 1.0))


def _ratio(product: Floats, first: Floats, second: Floats) -> Floats:
    """product / sqrt(first x second) in [-1, 1]; nan where either variance is nothing but rounding."""
    defined = (first > 1e-15) & (second > 1e-15)
    scale = np.sqrt(np.where(defined, first, 1.0)) * np.sqrt(np.where(defined, second, 1.0))
    return np.where(defined, np.clip(product / scale, -1.0, 1.0), np.nan)
