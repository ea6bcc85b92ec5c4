"""Pairwise accuracy: the definition by brute force, the link to Kendall, the rule of a challenge's script."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scoring
from scoring.pairwise import all_pairs_accuracy, pairwise_accuracy, preference_accuracy

rows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(-1, 2)), min_size=1, max_size=30)


def brute_force(x, y, groups, threshold, ties):
    credit = [
        ties if x[i] == x[j] else float((x[i] > x[j]) == (y[i] > y[j]))
        for i in range(len(x))
        for j in range(i)
        if groups[i] == groups[j] >= 0 and abs(y[i] - y[j]) > threshold
    ]
    return sum(credit) / len(credit) if credit else math.nan


@given(rows, st.sampled_from([0, 1, 2.5]), st.sampled_from([0.0, 0.5, 1.0]))
def test_all_pairs_equal_the_definition(sample, threshold, ties):
    x, y, groups = np.array(sample).T
    found = all_pairs_accuracy(x, y, groups, threshold=threshold, ties=ties)
    assert found == pytest.approx(brute_force(x, y, groups, threshold, ties), nan_ok=True, abs=1e-12)
    whole = all_pairs_accuracy(x, y, threshold=threshold, ties=ties)
    assert whole == pytest.approx(brute_force(x, y, np.zeros(len(x)), threshold, ties), nan_ok=True, abs=1e-12)


def test_without_ties_it_is_kendall_on_another_scale(sample):
    x, y = sample
    x, y = x + np.arange(x.size) * 1e-9, y + np.arange(y.size) * 1e-9  # no ties left at the ends of the scale
    assert all_pairs_accuracy(x, y) == pytest.approx((1 + scoring.krocc(x, y)) / 2, abs=1e-12)


def test_guessing_earns_one_half():
    assert all_pairs_accuracy(np.ones(20), np.arange(20.0)) == 0.5
    assert all_pairs_accuracy(np.ones(20), np.arange(20.0), ties=0.0) == 0.0


def test_listed_pairs_are_turned_by_their_mos_and_equal_ones_left_out():
    x, y = [1.0, 2.0, 2.0, 0.0], [1.0, 2.0, 3.0, 3.0]
    assert pairwise_accuracy(x, y, [[0, 1], [1, 0]]) == 1.0
    assert pairwise_accuracy(x, y, [[0, 1], [3, 0], [2, 3]]) == 0.5
    assert pairwise_accuracy(x, y, [[1, 2]]) == 0.5
    assert pairwise_accuracy(x, y, [[1, 2]], ties=0.0) == 0.0
    assert pairwise_accuracy(x, y, [[1, 2], [0, 2]], threshold=1.0) == 1.0
    assert math.isnan(pairwise_accuracy(x, y, [[2, 3]]))
    pairs = [(i, j) for i in range(4) for j in range(i)]
    assert pairwise_accuracy(x, y, pairs) == all_pairs_accuracy(x, y)


def test_labelled_pairs_follow_the_script_of_ntire_2024_except_for_ties():
    rng = np.random.default_rng(0)
    x = rng.normal(size=50)
    first, second = rng.integers(50, size=200), rng.integers(50, size=200)
    first, second = first[first != second], second[first != second]
    label = rng.integers(1, 3, first.size)  # 1: the first is better
    voted = np.where(x[first] >= x[second], 1, 2)
    better, worse = np.where(label == 1, first, second), np.where(label == 1, second, first)
    assert preference_accuracy(x, better, worse) == pytest.approx(np.mean(voted == label), abs=1e-12)
    assert math.isnan(preference_accuracy(x, [], []))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="shape"):
        pairwise_accuracy([1, 2], [1, 2], [0, 1])
    with pytest.raises(ValueError, match="group codes"):
        all_pairs_accuracy([1, 2], [1, 2], [0])
    with pytest.raises(ValueError, match="finite"):
        all_pairs_accuracy([1, math.nan], [1, 2])
    for call in (
        lambda: all_pairs_accuracy([1, 2], [1, 2], threshold=-1),
        lambda: pairwise_accuracy([1], [1], [[0, 0]], threshold=-1),
    ):
        with pytest.raises(ValueError, match="threshold"):
            call()
