"""SRoCC and tau-b of weighted rows, for many weightings at once: what the bootstrap needs on every resample.

Both equal what scipy gives on the repeated rows, to the last bit. A row of weight w counts as w rows that are tied with
each other; everything that does not depend on the weights is worked out once.

Contract: weights are whole numbers, held in float32 as all counts that cannot exceed n: exact up to 2^24 rows. What
can exceed it is summed in float64, exact up to 2^53. Nothing depends on the order in which a matrix product adds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.correlations import dense_codes
from scoring.inversions import WeightedInversions
from scoring.scratch import Scratch

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

_BLOCK = 64  # rows whose running sums are one product with a triangle of ones
_TRIANGLE = np.tri(_BLOCK, dtype=np.float32)


class RankBootstrap:
    """SRoCC and tau-b of the rows (x, y) under any weights. `kendall=False` leaves tau-b out, half of the work."""

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
        self.untied = self.ties_a.none and self.ties_b.none
        # Ties in b keep their order, and those in a are ordered by b: neither is an inversion.
        self.inversions = WeightedInversions(self.place_in_b) if kendall else None

    def __call__(self, weights: Singles) -> dict[str, Floats]:
        """{"srocc", "krocc" unless left out} for weights of shape (n, m), one column per resample."""
        scratch = self.scratch
        weights = scratch.take("weights", weights.astype(np.float32, copy=False), self.rows)
        below_a = self._below("below a", weights)
        below_b = self._below("below b", scratch.take("weights b", weights, self.by_b))
        squares_a, cubes_a = self._powers(self.ties_a, weights, below_a)
        # Without ties the groups are the rows, in any order.
        squares_b, cubes_b = (squares_a, cubes_a) if self.untied else self._powers(self.ties_b, weights, below_b)
        found = {}
        if self.inversions is not None:
            squares_both = squares_a if self.untied else self._powers(self.ties_both, weights, below_a)[0]
            discordant = self.inversions(weights, scratch)
            pairs = self.n * (self.n - 1) / 2
            # Pairs within groups of weights h: the sum of h (h - 1) / 2.
            within_a, within_b, within_both = ((h - self.n) / 2 for h in (squares_a, squares_b, squares_both))
            score = pairs - within_a - within_b + within_both - 2 * discordant
            found["krocc"] = ratio(score, pairs - within_a, pairs - within_b)
        # The weighted sum of squares of twice the rank deviations is (n^3 - sum of h^3) / 3 over the groups' weights h.
        spread_a, spread_b = ((self.n**3 - cubes) / 3 for cubes in (cubes_a, cubes_b))
        rank_a = self.ties_a.rank_deviations(below_a, scratch)
        rank_a *= weights
        rank_b = scratch.take("ranks b", self.ties_b.rank_deviations(below_b, scratch), self.place_in_b)
        found["srocc"] = ratio(_sum_of_products(rank_a, rank_b), spread_a, spread_b)
        return found

    def _below(self, name: str, weights: Singles) -> Singles:
        """Running sums of the rows, before the first to after the last, shape (n + 1, m)."""
        columns = weights.shape[1]
        below: Singles = self.scratch(name, (self.n + 1, columns), np.float32)
        below[0] = 0
        blocks = self.n // _BLOCK
        whole = blocks * _BLOCK
        if blocks:
            sums = below[1 : whole + 1].reshape(blocks, _BLOCK, columns)
            np.matmul(_TRIANGLE, weights[:whole].reshape(blocks, _BLOCK, columns), out=sums)
            sums[1:] += np.cumsum(sums[:-1, -1], axis=0)[:, None]
        np.cumsum(weights[whole:], axis=0, out=below[whole + 1 :])
        below[whole + 1 :] += below[whole]
        return below

    def _powers(self, ties: _Ties, weights: Singles, below: Singles) -> tuple[Floats, Floats]:
        """The sums of squares and of cubes of the groups' weights, shape (m,) each."""
        group = weights if ties.none else ties.weights(below, self.scratch)
        return _sum_of_products(group, group), _sum_of_products(group, group, group)


class _Ties:
    """Groups of equal values among rows in ascending order, seen through the running sums of the weights."""

    def __init__(self, name: str, ordered: NDArray[np.int64]) -> None:
        self.name = name
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        group = np.cumsum(np.diff(ordered, prepend=ordered[0]) != 0)
        self.edges = np.append(starts, ordered.size)
        self.first, self.after = starts[group], self.edges[1:][group]
        # Nothing is tied in most data: slices are then as good as gathering rows, and faster.
        self.none = starts.size == ordered.size

    def rank_deviations(self, below: Singles, scratch: Scratch) -> Singles:
        """Twice the deviation of each row's mid-rank from the mean rank: weight below its group less weight above."""
        out: Singles = scratch(f"ranks {self.name}", (below.shape[0] - 1, below.shape[1]), np.float32)
        if self.none:
            np.add(below[:-1], below[1:], out=out)
        else:
            np.add(scratch.take("first", below, self.first), scratch.take("after", below, self.after), out=out)
        out -= below.shape[0] - 1
        return out

    def weights(self, below: Singles, scratch: Scratch) -> Singles:
        """The weight of each group, shape (groups, m)."""
        edges = scratch.take("edges", below, self.edges)
        out: Singles = scratch(f"groups {self.name}", (edges.shape[0] - 1, edges.shape[1]), np.float32)
        np.subtract(edges[1:], edges[:-1], out=out)
        return out


def _sum_of_products(*factors: Singles) -> Floats:
    """Sum over the rows of the product of the factors, each of shape (rows, m), in float64; shape (m,)."""
    subscripts = ",".join(["ij"] * len(factors))
    found: Any = np.einsum(f"{subscripts}->j", *factors, dtype=np.float64)
    return np.asarray(found)


def ratio(product: Floats, first: Floats, second: Floats) -> Floats:
    """product / sqrt(first x second) in [-1, 1]; nan where either variance is nothing but rounding."""
    defined = (first > 1e-15) & (second > 1e-15)
    scale = np.sqrt(np.where(defined, first, 1.0)) * np.sqrt(np.where(defined, second, 1.0))
    return np.where(defined, np.clip(product / scale, -1.0, 1.0), np.nan)
