"""How far two prediction files agree."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import srocc
from scoring.agreement import agreement

FILES = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-1e6, 1e6))


@given(FILES, FILES)
def test_it_is_what_counting_says_and_the_same_either_way(first, second):
    found = agreement(first, second)
    common = set(first) & set(second)
    gaps = [abs(first[name] - second[name]) for name in common]
    assert (found.n, found.unmatched) == (len(common), len(set(first) ^ set(second)))
    assert found.differing == sum(first[name] != second[name] for name in common)
    assert found.max_difference == (max(gaps) if gaps else None)
    assert found.mean_difference == (pytest.approx(math.fsum(gaps) / len(gaps)) if gaps else None)
    names = sorted(common)
    expected = srocc([first[name] for name in names], [second[name] for name in names])
    assert found.srocc == (None if math.isnan(expected) else expected)
    assert agreement(second, first) == found


def test_a_difference_beyond_all_floats_is_undefined():
    found = agreement({"a": 1e308, "b": 0.0}, {"a": -1e308, "b": 1.0})
    assert (found.max_difference, found.mean_difference, found.srocc) == (None, None, -1.0)
