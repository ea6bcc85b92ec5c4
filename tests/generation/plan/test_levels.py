"""What a level stands for: steps, guidance scale, size."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.plan.levels import RANDOM, cfg_at, iterations_at, size_at, stratum_place

places = st.integers(0, 2**32 - 1).map(lambda within: stratum_place(0, 1, within))


def test_steps_are_halved_and_quartered_with_halves_up():
    assert [iterations_at(40, level) for level in ("1", "0.5", "0.25")] == [40, 20, 10]
    assert [iterations_at(4, level) for level in ("1", "0.5", "0.25")] == [4, 2, 1]
    assert [iterations_at(3, level) for level in ("1", "0.5", "0.25")] == [3, 2, 1]
    assert iterations_at(50, "0.25") == 13


def test_the_guidance_scale_is_halved_and_doubled():
    assert [str(cfg_at(Decimal("7.5"), level)) for level in ("1", "0.5", "2")] == ["7.50", "3.75", "15.00"]
    assert str(cfg_at(Decimal("0.0"), "1")) == "0.00"


@given(places)
def test_a_random_guidance_scale_follows_its_law(place):
    u = float(place)
    assert float(cfg_at(Decimal(5), RANDOM, place)) == pytest.approx(5 * 2 ** (2 * u - 1), abs=0.0051)
    assert float(cfg_at(Decimal(5), RANDOM, place, "uniform")) == pytest.approx(5 * (0.5 + 1.5 * u), abs=0.0051)


@pytest.mark.parametrize(
    ("edge", "quantum", "sizes"),
    [
        (512, 8, [(512, 512), (384, 512), (512, 384), (288, 512), (512, 288)]),
        (1024, 16, [(1024, 1024), (768, 1024), (1024, 768), (576, 1024), (1024, 576)]),
    ],
)
def test_the_longer_edge_is_fixed_and_the_papers_ratios_are_exact(edge, quantum, sizes):
    assert [size_at(edge, quantum, level) for level in ("1:1", "3:4", "4:3", "9:16", "16:9")] == sizes


@given(places, st.sampled_from([(512, 8), (1024, 8), (1024, 16)]))
def test_a_random_size_has_its_longer_edge_its_quantum_and_its_bounds(place, model):
    edge, quantum = model
    width, height = size_at(edge, quantum, RANDOM, place)
    assert max(width, height) == edge
    assert width % quantum == height % quantum == 0
    ratio = math.exp((2 * float(place) - 1) * math.log(16 / 9))
    assert min(width, height) == pytest.approx(edge * min(ratio, 1 / ratio), abs=quantum / 2 + 1e-6)
    assert 9 / 16 <= width / height <= 16 / 9
    assert (width >= height) == (place > Decimal("0.5")) or width == height


def test_a_random_level_needs_a_place():
    with pytest.raises(ValueError, match="place in its distribution"):
        cfg_at(Decimal(5), RANDOM)
    with pytest.raises(ValueError, match="place in its distribution"):
        size_at(512, 8, RANDOM)


@given(st.integers(1, 500), st.data())
def test_a_place_lies_in_its_stratum(strata, data):
    rank = data.draw(st.integers(0, strata - 1))
    place = stratum_place(rank, strata, data.draw(st.integers(0, 2**32 - 1)))
    assert Decimal(rank) / strata < place < Decimal(rank + 1) / strata
