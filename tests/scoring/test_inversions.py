"""Weighted inversions equal the count over all pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.inversions import WeightedInversions
from scoring.scratch import Scratch


def by_definition(order, weights):
    wrong = np.triu(order[:, None] > order[None, :])
    return np.einsum("im,ij,jm->m", weights, wrong, weights)


@given(st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_they_equal_the_sum_over_all_pairs(n, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(n)
    weights = rng.integers(0, 4, (n, 3)).astype(float)
    assert np.array_equal(WeightedInversions(order)(weights, Scratch()), by_definition(order, weights))


@pytest.mark.parametrize("n", [1000, 1024, 1025])
def test_blocks_of_several_sizes_and_one_scratch_for_all(n):
    rng = np.random.default_rng(n)
    scratch = Scratch()
    for width in (5, 2, 7):
        order = rng.permutation(n)
        weights = rng.integers(0, 6, (n, width)).astype(float)
        assert np.array_equal(WeightedInversions(order)(weights, scratch), by_definition(order, weights))
