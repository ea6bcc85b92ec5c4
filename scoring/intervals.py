"""Percentile intervals by the paired bootstrap: the same resamples for every submission to the same answer key.

A resample is a vector of multiplicities, how often each row was drawn. The vectors depend only on (n, seed), and rows
come in ascending order of name, so all submissions share them: differences between two of them are paired. On each
resample SRoCC (weighted mid-ranks) and KRoCC (tau-b) equal what scipy gives on the repeated rows; PLCC and RMSE hold
the fitted map fixed (refitting it moves PLCC by about 1e-4 at n = 4,000 and costs twenty times as much).

Contract: all sums are over integers and exact. Work is done in slabs of resamples, so memory does not grow with their
number, but for the multiplicities of small keys, which are kept. A thousand resamples take about 0.1 s at n = 4,000 and
0.7 s at n = 20,000 (one core).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scoring.correlations import is_constant, power_of_two
from scoring.formula import Formula
from scoring.logistic import LogisticFit
from scoring.rank_bootstrap import RankBootstrap, ratio
from scoring.refit import RefittedMap
from scoring.scratch import Scratch

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

LEVEL = 0.95
MOSTLY = 0.95  # share of resamples that must define a metric for its interval to mean anything
_SLAB = 1 << 18  # numbers per slab: a few arrays of this size fit the cache
_NARROWEST = 48  # columns below which matrix products are slow
_MOST_KEPT = 1 << 23  # numbers of a matrix of multiplicities that is kept: n = 8,000 with a thousand resamples


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
    refit: bool = False,
) -> dict[str, Floats]:
    """{metric: value on each resample}, shape (resamples,), nan where a resample leaves the metric undefined.

    x, y: rows in ascending order of name, shape (n,). Metrics that the whole sample leaves undefined are absent.
    refit: whether PLCC and RMSE fit their map anew on each resample (scoring.refit) instead of holding it fixed.
    """
    kernel = DrawKernel(x, y, fit, fit4, formula, scratch=scratch, refit=refit)
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
        refit: bool = False,
    ) -> None:
        self.formula = formula
        self.wanted = None if wanted is None else {*wanted, *(formula.metrics if "main" in wanted else ())}
        self.parts: list[Callable[[Singles], dict[str, Floats]]] = []
        if x.size < 2 or is_constant(x) or is_constant(y):
            return
        kendall = self.wanted is None or "krocc" in self.wanted
        if kendall or self.wanted is None or "srocc" in self.wanted:
            self.parts.append(RankBootstrap(x, y, scratch or Scratch(), kendall=kendall))
        self.parts.append(_Moments(x, y, fit, fit4))
        if refit:  # takes the place of what the moments say
            self.parts += [
                RefittedMap(name, x, y, one)
                for name, one in (("plcc", fit), ("plcc_logistic4", fit4))
                if one is not None and not one.reason
            ]

    def __call__(self, weights: Singles) -> dict[str, Floats]:
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


def multiplicities(n: int, resamples: int, seed: int) -> Iterator[Singles]:
    """How often each row is drawn: slabs of shape (n, <= width), one column per resample, each column summing to n.

    The columns depend on n and seed alone, not on the width of the slabs or the number of resamples.
    """
    width = max(_NARROWEST, _SLAB // n)
    small = n * resamples <= _MOST_KEPT
    counts = _kept_counts(n, resamples, seed) if small else None
    draws = None if small else _counts(n, seed)
    for start in range(0, resamples, width):
        columns = min(width, resamples - start)
        if counts is not None:
            yield counts[:, start : start + columns].astype(np.float32)
        elif draws is not None:
            slab = np.empty((n, columns), dtype=np.float32)
            for column in range(columns):
                slab[:, column] = next(draws)
            yield slab


@lru_cache(maxsize=16)
def _kept_counts(n: int, resamples: int, seed: int) -> NDArray[np.uint16]:
    """All columns at once, kept for the next submission to the same key: at most 16 times 16 MB."""
    counts = np.empty((n, resamples), dtype=np.uint16)
    for column, drawn in zip(range(resamples), _counts(n, seed), strict=False):
        counts[:, column] = drawn
    return counts


def _counts(n: int, seed: int) -> Iterator[NDArray[np.intp]]:
    generator = np.random.Generator(np.random.PCG64(seed))
    while True:
        yield np.bincount(generator.integers(n, size=n), minlength=n)


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

    def __call__(self, weights: Singles) -> dict[str, Floats]:
        means = (self.columns @ weights) * self.step / self.n
        target_variance = means[1] - means[0] * means[0]
        found = {}
        for i, (name, sign) in enumerate(self.signs.items()):
            mean, square, product = means[2 + 3 * i : 5 + 3 * i]
            found[name] = sign * ratio(product - mean * means[0], square - mean * mean, target_variance)
        if self.has_rmse:
            found["rmse"] = np.sqrt(means[-1])
        return found


def _standardised(values: Floats) -> Floats:
    scaled = values / power_of_two(values)  # exact, and no sum of huge values overflows
    deviation = scaled - scaled.mean()
    return np.asarray(deviation / (np.abs(deviation).max() or 1.0))
