"""Bits of a transcript: a prefix-free code, costs that equal counts of what was possible, the bound that is cited."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.leak_budget import cost_of_diagnostic, cost_of_numbers, cost_of_score, expected_gap, remaining


@settings(deadline=None, max_examples=50)
@given(decimals=st.integers(0, 4), low=st.floats(-1, 0.9), numbers=st.integers(1, 2))
def test_the_costs_of_all_answers_to_one_submission_are_lengths_of_a_prefix_free_code(decimals, low, numbers):
    """Kraft: the sum of 2^-length over the answers that are possible is at most 1."""
    lowest = math.ceil(low * 10**decimals)
    values = 10**decimals - lowest + 1
    still = 2 ** -cost_of_score(False, decimals=decimals, low=low, numbers=numbers)
    moved = values**numbers * 2 ** -cost_of_score(True, decimals=decimals, low=low, numbers=numbers)
    assert still + moved <= 1 + 1e-9
    # Not wasteful either: at most one value too many is paid for.
    assert moved * 16 >= (values / (values + 1)) ** numbers - 1e-9


def test_whole_transcripts_within_a_budget_are_at_most_two_to_the_budget():
    """All transcripts of 5 submissions without decimals, counted."""
    cost = {moved: cost_of_score(moved, decimals=0) for moved in (False, True)}
    values = 3  # -1, 0, 1
    for budget in (0.5, 2, 6, 8, 12):
        count = 0
        for pattern in itertools.product((False, True), repeat=5):
            if sum(cost[moved] for moved in pattern) <= budget:
                count += values ** sum(pattern)
        assert count <= 2**budget


def test_costs_of_a_board_with_three_decimals():
    assert cost_of_numbers(1, decimals=3) == pytest.approx(math.log2(2001))
    assert cost_of_numbers(4, decimals=3) == pytest.approx(4 * math.log2(2001))
    assert cost_of_score(False, decimals=3, numbers=4) == pytest.approx(0.0931, abs=1e-4)
    assert cost_of_score(True, decimals=3) == pytest.approx(4 + math.log2(2001))
    assert cost_of_score(True, decimals=3, low=0.75) == pytest.approx(4 + math.log2(251))


def test_costs_of_diagnostics():
    assert cost_of_diagnostic("scatter", 100, rows=4000) == 800
    assert cost_of_diagnostic("residuals", 10, rows=4000, levels=2) == 10
    assert cost_of_diagnostic("numbers", 15, rows=4000, levels=2001) == pytest.approx(15 * math.log2(2001))
    # Ordered lists of 3 of 5 images: 60.
    assert cost_of_diagnostic("worst_images", 3, rows=5) == pytest.approx(math.log2(60))
    assert cost_of_diagnostic("worst_images", 10, rows=4000) == pytest.approx(119.6, abs=0.1)
    assert cost_of_diagnostic("scatter", 0, rows=4000) == 0


def test_what_cannot_be_shown_is_refused():
    with pytest.raises(ValueError, match="unknown diagnostic 'curve'; known are"):
        cost_of_diagnostic("curve", 1, rows=10)
    with pytest.raises(ValueError, match="cannot show 11 of 10 rows"):
        cost_of_diagnostic("worst_images", 11, rows=10)
    with pytest.raises(ValueError, match="not a set of numbers"):
        cost_of_numbers(1, decimals=3, low=0.5, high=0.4)
    with pytest.raises(ValueError, match="cannot be negative"):
        expected_gap(-1, 0.01)


def test_a_budget_runs_out_and_not_below():
    assert remaining(100, []) == 100
    assert remaining(100, [cost_of_score(True, decimals=3)] * 6) == pytest.approx(100 - 6 * (4 + math.log2(2001)))
    assert remaining(100, [60, 60]) == 0


def test_the_bound_for_means_of_losses_is_that_of_russo_and_zou():
    n, bits = 4000, 100
    assert expected_gap(bits, 1 / (2 * math.sqrt(n))) == pytest.approx(math.sqrt(bits * math.log(2) / (2 * n)))
    assert expected_gap(0, 0.01) == 0


def test_picking_the_best_of_many_stays_within_the_bound():
    """The index of the best of k tells at most log2 k bits; its expected height above the mean is known to be less."""
    rng = np.random.default_rng(0)
    for k in (2, 16, 256):
        height = rng.normal(0, 0.008, (4000, k)).max(axis=1).mean()
        assert 0.4 * expected_gap(math.log2(k), 0.008) < height < expected_gap(math.log2(k), 0.008)
