"""Weighted inversions of a permutation, for many weightings at once: what tau-b needs on every resample.

The number wanted is the sum of w[i] w[j] over all pairs i < j with order[i] > order[j]. Cut both the places i and the
values order[i] into blocks of s: a pair lies in one block of places, in one block of values, or in two of both. The
first two kinds are compared pair by pair, as products of 0/1 matrices with the weights; the third needs the weight in
each cell of the grid of blocks only, and running sums over it. That is O(n s + (n / s)^2) per weighting, nearly all of
it in matrix products.

Contract: weights are non-negative integers and sum to at most 2^24: running sums are then exact in float32. So are sums
within a block as long as it weighs at most 4,096 (a block holds at most 256 rows, each once on average); all others are
taken in float64. Nothing depends on the order in which a matrix product adds.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.scratch import Scratch

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


class WeightedInversions:
    """The weighted inversions of one permutation `order` of 0..n-1, shape (n,)."""

    def __init__(self, order: NDArray[np.int64]) -> None:
        self.n = order.size
        self.size = min(256, max(16, 1 << round(math.log2(max(self.n, 1)) / 2 + 0.4)))
        self.blocks = -(-self.n // self.size)
        # Rows without weight fill the last block: last in both orders, they are in no inversion.
        value = np.concatenate([order, np.arange(self.n, self.blocks * self.size)])
        self.by_value = np.argsort(value, kind="stable")
        later = np.tri(self.size, k=-1, dtype=bool)
        values, places = self._cut(value), self._cut(self.by_value)
        value_block, place_block = values // self.size, places // self.size
        # [block, i, j]: whether the pair of place i and an earlier place j of the block is an inversion.
        self.within_places = (later & (values[:, None, :] > values[:, :, None])).astype(np.float32)
        # [block, i, j]: the same for value i and a larger value j of a block of values, in an earlier block of places.
        self.within_values = (later.T & (place_block[:, None, :] < place_block[:, :, None])).astype(np.float32)
        self.above = 1 - np.tri(self.blocks, dtype=np.float32)
        self.cells = (value_block[:, None, :] == np.arange(self.blocks)[:, None]).astype(np.float32)

    def __call__(self, weights: Singles, scratch: Scratch) -> Floats:
        """The weighted number of inversions for each column of `weights`, shape (n, m) -> (m,)."""
        filled = scratch("filled", (self.blocks * self.size, weights.shape[1]), np.float32)
        filled[: self.n], filled[self.n :] = weights, 0
        by_place, by_value = self._cut(filled), self._cut(scratch.take("by value", filled, self.by_value))
        found = _products(self.within_places, by_place, scratch) + _products(self.within_values, by_value, scratch)
        columns = weights.shape[1]
        shape = (self.blocks, self.blocks, columns)
        grid: Singles = np.matmul(self.cells, by_place, out=scratch("cells", shape, np.float32))
        earlier = scratch("earlier", shape, np.float32)
        earlier[0] = 0
        for block in range(1, self.blocks):
            np.add(earlier[block - 1], grid[block - 1], out=earlier[block])
        larger = np.matmul(self.above, earlier, out=scratch("larger", shape, np.float32))
        return np.asarray(found + np.einsum("pvm,pvm->m", grid, larger, dtype=np.float64))

    def _cut(self, rows: NDArray[Any]) -> NDArray[Any]:
        return rows.reshape(self.blocks, self.size, *rows.shape[1:])


def _products(pairs: Singles, weights: Singles, scratch: Scratch) -> Floats:
    """Sum of w[i] w[j] over the pairs (i, j) of each block, all blocks together, shape (m,)."""
    partners = np.matmul(pairs, weights, out=scratch("partners", weights.shape, np.float32))
    return np.asarray(np.einsum("bim,bim->bm", partners, weights).sum(axis=0, dtype=np.float64))
