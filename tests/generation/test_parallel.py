"""Work spread over processes: in order, no further ahead than needed, and a worker's death is told."""

import os

import pytest

from generation.parallel import AHEAD, in_order


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers):
    assert list(in_order(abs, range(-40, 0), workers=workers)) == list(range(40, 0, -1))
    assert list(in_order(abs, [], workers=workers)) == []


def test_items_are_taken_only_a_little_ahead():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    results = in_order(abs, items(), workers=2)
    assert next(results) == 0
    assert len(taken) == 2 * AHEAD + 1
    assert len(list(results)) == 999


def test_what_a_worker_raises_is_raised():
    with pytest.raises(ValueError, match="chr"):
        list(in_order(chr, [65, -1], workers=2))


def test_the_death_of_a_worker_is_told_and_not_waited_for():
    with pytest.raises(ChildProcessError, match="fewer --workers"):
        list(in_order(os._exit, [3] * 4, workers=2))
