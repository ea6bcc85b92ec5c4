"""Percentile intervals by the paired bootstrap: the same resamples for every submission to the same answer key.

A resample is a vector of multiplicities, how often each row was drawn. The vectors depend only on (n, seed), and rows
come in ascending order of name, so all submissions share them: differences between two of them are paired. On each
resample SRoCC (weighted mid-ranks) and KRoCC (tau-b) equal what scipy gives on the repeated rows; PLCC and RMSE hold
the fitted map fixed (refitting it moves PLCC by about 1e-4 at n = 4,000 and costs twenty times as much).

Contract: all counts are integers held in float64, exact below 2^53. Work is done in slabs of resamples, so memory
does not grow with their number. A thousand resamples take about 0.45 s at n = 4,000 and 3 s at n = 20,000 (one loaded
core).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.correlations import dense_codes, is_constant
from scoring.formula import Formula
from scoring.logistic import LogisticFit

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

LEVEL = 0.95
MOSTLY = 0.95  # share of resamples that must define a metric for its interval to mean anything
_SLAB = 1 << 18  # numbers per slab: a few arrays of this size fit the cache


def bootstrap_intervals(
    x: Floats,
    y: Floats,
    fit: LogisticFit,
    fit4: LogisticFit | None,
    formula: Formula,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, list[float]]:
    """95 % percentile intervals [low, high] of main and every metric; a metric that is undefined has no entry."""
    draws = bootstrap_draws(x, y, fit, fit4, formula, resamples=resamples, seed=seed)
    intervals = {}
    for name, values in draws.items():
        defined = values[np.isfinite(values)]
        if defined.size > 0 and defined.size >= MOSTLY * resamples:
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
) -> dict[str, Floats]:
    """{metric: value on each resample}, shape (resamples,), nan where a resample leaves the metric undefined.

    x, y: rows in ascending order of name, shape (n,). Metrics that the whole sample leaves undefined are absent.
    """
    kernel = DrawKernel(x, y, fit, fit4, formula)
    return kernel.join([kernel(weights) for weights in multiplicities(x.size, resamples, seed)])


class DrawKernel:
    """The metrics of one submission on slabs of resamples; `wanted` (default: all) saves the work for the others.

    Several submissions can be driven through the same slabs: `join` puts the slabs of one of them together.
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
    ) -> None:
        self.formula = formula
        self.wanted = None if wanted is None else {*wanted, *(formula.metrics if "main" in wanted else ())}
        self.parts: list[RankBootstrap | _Moments] = []
        if x.size < 2 or is_constant(x) or is_constant(y):
            return
        kendall = self.wanted is None or "krocc" in self.wanted
        if kendall or self.wanted is None or "srocc" in self.wanted:
            self.parts.append(RankBootstrap(x, y, kendall=kendall))
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
    """Pearson correlations and RMSE of weighted rows, by one matrix product per slab."""

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
            columns.append((y - mapped["plcc"]) ** 2)
        self.columns = np.stack(columns)

    def __call__(self, weights: Floats) -> dict[str, Floats]:
        means = self.columns @ weights / self.n
        target_variance = means[1] - means[0] ** 2
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

    def __init__(self, x: Floats, y: Floats, *, kendall: bool = True) -> None:
        a, b = dense_codes(x), dense_codes(y)
        self.rows = np.lexsort((b, a))  # all that follows counts rows in the order (x, y)
        a, b = a[self.rows], b[self.rows]
        self.n = x.size
        self.a, self.b = a, b
        self.by_b = np.argsort(b, kind="stable")
        self.a_starts = _starts(a)
        self.b_starts = _starts(b[self.by_b])
        self.both_starts = np.union1d(self.a_starts, np.flatnonzero(np.diff(b, prepend=-1)))
        self.kendall = kendall
        self.merges = list(_merges(b)) if kendall else []

    def __call__(self, weights: Floats) -> dict[str, Floats]:
        """{"srocc", "krocc" unless left out} for weights of shape (n, m), one column per resample."""
        weights = weights[self.rows]
        in_a = np.add.reduceat(weights, self.a_starts, axis=0)
        in_b = np.add.reduceat(weights[self.by_b], self.b_starts, axis=0)
        found = {"srocc": self._srocc(weights, in_a, in_b)}
        if self.kendall:
            in_both = np.add.reduceat(weights, self.both_starts, axis=0)
            found["krocc"] = self._krocc(weights, in_a, in_b, in_both)
        return found

    def _srocc(self, weights: Floats, in_a: Floats, in_b: Floats) -> Floats:
        rank_a, rank_b = self._rank_deviations(in_a), self._rank_deviations(in_b)
        products = np.einsum("ij,ij,ij->j", weights, rank_a[self.a], rank_b[self.b])
        squares = [np.einsum("ij,ij,ij->j", h, r, r) for h, r in ((in_a, rank_a), (in_b, rank_b))]
        return _ratio(products, squares[0], squares[1])

    def _rank_deviations(self, counts: Floats) -> Floats:
        """Twice the deviation of the mid-rank of each group from the mean rank."""
        return 2 * np.cumsum(counts, axis=0) - counts - self.n

    def _krocc(self, weights: Floats, in_a: Floats, in_b: Floats, in_both: Floats) -> Floats:
        pairs = self.n * (self.n - 1) / 2
        tied_a, tied_b, tied_both = ((h * (h - 1)).sum(axis=0) / 2 for h in (in_a, in_b, in_both))
        discordant = np.zeros(weights.shape[1])
        for merge in self.merges:
            discordant += merge.discordant(weights)
        score = pairs - tied_a - tied_b + tied_both - 2 * discordant
        return _ratio(score, pairs - tied_a, pairs - tied_b)


@dataclass(frozen=True)
class _Merge:
    """One level of a merge sort of y: which pairs (left row, right row) are out of order, for any weights.

    `left` lists the rows of the left halves by block and y; the left rows with a larger y in the block of
    right[i] are those at places first[i] to end[i] - 1 of that list.
    """

    left: Rows
    right: Rows
    first: Rows
    end: Rows

    def discordant(self, weights: Floats) -> Floats:
        """Weighted number of out-of-order pairs, shape (m,)."""
        running = np.zeros((self.left.size + 1, weights.shape[1]))
        np.cumsum(weights[self.left], axis=0, out=running[1:])
        larger = running[self.end]
        larger -= running[self.first]
        return np.asarray(np.einsum("ij,ij->j", weights[self.right], larger))


def _merges(codes: NDArray[np.int64]) -> Iterator[_Merge]:
    """The levels of a bottom-up merge sort of the codes. Right rows with nothing larger on their left are left out."""
    n = codes.size
    place = np.arange(n)
    span = int(codes.max()) + 1
    size = 1
    while size < n:
        key = place // (2 * size) * span + codes
        is_right = place // size % 2 == 1
        left, right = place[~is_right], place[is_right]
        left = left[np.argsort(key[left], kind="stable")]
        right = right[np.argsort(key[right], kind="stable")]
        first = np.searchsorted(key[left], key[right], side="right")
        end = np.searchsorted(key[left], (place[right] // (2 * size) + 1) * span, side="left")
        useful = first < end
        yield _Merge(left, right[useful], first[useful], end[useful])
        size *= 2


def _starts(ordered: NDArray[np.int64]) -> Rows:
    return np.flatnonzero(np.diff(ordered, prepend=-1))


def _standardised(values: Floats) -> Floats:
    deviation = values - values.mean()
    return np.asarray(deviation / (np.abs(deviation).max() or 1.0))


def _ratio(product: Floats, first: Floats, second: Floats) -> Floats:
    """product / sqrt(first x second) in [-1, 1]; nan where either variance is nothing but rounding."""
    defined = (first > 1e-15) & (second > 1e-15)
    scale = np.sqrt(np.where(defined, first, 1.0)) * np.sqrt(np.where(defined, second, 1.0))
    return np.where(defined, np.clip(product / scale, -1.0, 1.0), np.nan)
