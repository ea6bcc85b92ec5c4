"""Apportionment and controlled rounding: margins exact, cells next to their expectation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.rounding import apportion, apportion_at_least_one, controlled_rounding, rounded_table

weights = st.lists(st.integers(0, 1000), min_size=1, max_size=8).filter(any)


@st.composite
def margins(draw):
    """Two margins with the same sum."""
    total = draw(st.integers(0, 3000))
    return [apportion(total, draw(weights)) for _ in range(2)]


@given(st.integers(0, 10**6), weights)
def test_parts_add_up_and_are_next_to_their_exact_share(total, parts_of):
    parts = apportion(total, parts_of)
    assert sum(parts) == total
    for part, weight in zip(parts, parts_of, strict=True):
        assert abs(part * sum(parts_of) - total * weight) < sum(parts_of)


def test_remainders_go_to_the_largest_then_to_the_earlier():
    assert apportion(561, [5, 2, 2, 2, 2, 2]) == [187, 75, 75, 75, 75, 74]
    assert apportion(10, [1, 1, 1]) == [4, 3, 3]
    with pytest.raises(ValueError, match="all 0"):
        apportion(3, [0, 0])


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=20), st.integers(0, 3000))
def test_nobody_goes_without_where_that_is_possible(parts_of, more):
    total = len(parts_of) + more
    parts = apportion_at_least_one(total, parts_of)
    assert sum(parts) == total
    assert min(parts) >= 1
    if min(apportion(total, parts_of)) >= 1 and all(total * w >= sum(parts_of) for w in parts_of):
        assert parts == apportion(total, parts_of)


@given(margins())
def test_a_rounded_table_has_its_margins_and_cells_next_to_their_expectation(given_margins):
    rows, columns = given_margins
    table = controlled_rounding(rows, columns)
    total = max(1, sum(rows))
    assert [sum(line) for line in table] == rows
    assert [sum(column) for column in zip(*table, strict=True)] == columns
    for row, line in zip(rows, table, strict=True):
        for column, cell in zip(columns, line, strict=True):
            assert cell in (row * column // total, -(-row * column // total))


@given(margins(), st.data())
def test_any_one_cell_can_be_rounded_up(given_margins, data):
    rows, columns = given_margins
    up = (data.draw(st.integers(0, len(rows) - 1)), data.draw(st.integers(0, len(columns) - 1)))
    table = controlled_rounding(rows, columns, up)
    assert table[up[0]][up[1]] == -(-rows[up[0]] * columns[up[1]] // max(1, sum(rows)))


def test_margins_with_different_sums_are_refused():
    with pytest.raises(ValueError, match="add up to 3, the columns to 4"):
        controlled_rounding([1, 2], [4])


def test_a_table_that_cannot_be_is_told_from_one_that_can():
    # Cells of 1/2 and 1: the first row can have 1 or 2, never 3.
    assert rounded_table([[1, 2], [1, 0]], 2, [3, 0], [1, 2]) is None
    assert rounded_table([[1, 2], [1, 0]], 2, [2, 0], [1, 1]) == [[1, 1], [0, 0]]
