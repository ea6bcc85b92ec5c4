"""Factorial tables of two and three factors."""

from itertools import product
from math import prod

from hypothesis import given
from hypothesis import strategies as st

from generation.plan.factorial import factorial_counts
from generation.plan.report import cramers_v
from generation.rounding import apportion

weights = st.lists(st.integers(0, 20), min_size=1, max_size=6).filter(any)


def margin(counts, factor, levels):
    return [sum(n for cell, n in counts.items() if cell[factor] == level) for level in range(levels)]


@given(st.integers(0, 3000), st.lists(weights, min_size=1, max_size=3))
def test_margins_are_exact_and_cells_next_to_their_expectation(total, shares):
    margins = [apportion(total, share) for share in shares]
    counts = factorial_counts(margins)
    for factor, wanted in enumerate(margins):
        assert margin(counts, factor, len(wanted)) == wanted
    for cell in product(*(range(len(wanted)) for wanted in margins)):
        expected = prod(wanted[i] for wanted, i in zip(margins, cell, strict=True))
        divisor = max(total, 1) ** (len(margins) - 1)
        assert counts.get(cell, 0) in (expected // divisor, -(-expected // divisor))


def test_a_second_table_of_two_factors_is_tried_where_the_first_has_no_third():
    margins = [[11, 11, 3], [8, 17], [0, 4, 21]]
    counts = factorial_counts(margins)
    assert [margin(counts, factor, len(wanted)) for factor, wanted in enumerate(margins)] == margins
    # The first table has the nearest rounding of 11 x 8 / 25 = 3.52 here, 4.
    assert sum(n for cell, n in counts.items() if cell[:2] == (1, 0)) == 3


def test_every_two_way_table_of_a_small_plan_is_balanced_too():
    margins = [[5, 5, 5], [5, 4, 4, 2], [5, 2, 2, 2, 2, 2]]
    counts = factorial_counts(margins)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        table = [[0] * len(margins[other]) for _ in margins[one]]
        for cell, n in counts.items():
            table[cell[one]][cell[other]] += n
        expected = [[a * b / 15 for b in margins[other]] for a in margins[one]]
        distance = max(
            abs(n - e) for line, exact in zip(table, expected, strict=True) for n, e in zip(line, exact, strict=True)
        )
        assert distance < 1
        assert cramers_v(table) < 0.5
