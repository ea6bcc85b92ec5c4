"""How many images each combination of levels gets: the paper's numbers, any size, the three policies."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.catalogue.models import Catalogue, Model, read_catalogue
from generation.plan.design import POLICIES, make_designs
from generation.problems import InvalidInput
from generation.rounding import apportion

PAPER = read_catalogue()
# Images at each level of iterations, CFG and resolution.
SEVEN = [[1000, 500, 500], [1000, 400, 400, 200], [1000, 200, 200, 200, 200, 200]]
FOUR = [[500, 250, 250], [500, 100, 100, 100, 100, 100]]
FOUR_GUARANTEED = [[626, 187, 187], [626, 75, 75, 75, 75, 74]]


def got(design):
    return [design.got(i) for i in range(len(design.factors))]


@pytest.mark.parametrize(
    ("policy", "anchors", "all_default", "four", "gave_way"),
    [
        ("guarantee", (500, 439, 500), (556, 502, 500), FOUR_GUARANTEED, ("nothing", "shares", "nothing")),
        ("strict", (500, 500, 500), (556, 500, 500), FOUR, ("nothing", "orthogonality", "nothing")),
        ("marginals", (0, 0, 500), (250, 250, 500), FOUR, ("all-default", "all-default", "nothing")),
    ],
)
def test_the_papers_models_get_the_papers_numbers(policy, anchors, all_default, four, gave_way):
    designs = make_designs(PAPER, policy=policy)
    assert [design.images for design in designs] == [2000] * 7 + [1000] * 4 + [500] * 4
    for design in designs:
        kind = {3: 0, 2: 1, 0: 2}[len(design.factors)]
        assert got(design) == (SEVEN, four, [])[kind]
        assert (design.anchors, design.all_default, design.gave_way) == (
            anchors[kind],
            all_default[kind],
            gave_way[kind],
        )


@pytest.mark.parametrize("seed", [0, 1])
def test_the_seed_moves_no_margin(seed):
    assert [got(design) for design in make_designs(PAPER, seed=seed)[:7]] == [SEVEN] * 7


def test_models_are_rounded_differently():
    designs = make_designs(PAPER, 200)
    assert len({tuple(sorted(design.cells)) for design in designs[:7]}) > 1


@settings(max_examples=40)
@given(st.integers(15, 3000), st.sampled_from(POLICIES))
def test_any_size_keeps_the_rules_of_its_policy(images, policy):
    designs = make_designs(PAPER, images, policy)
    assert sum(design.images for design in designs) == images
    assert min(design.images for design in designs) >= 1
    for design in designs:
        shares = [apportion(design.images, factor.shares) for factor in design.factors]
        wanted = 500 * design.images // design.model.images
        assert design.all_default_wanted == wanted
        assert design.gave_way == "all-default" or design.all_default >= wanted
        assert design.gave_way == "shares" or got(design) == shares
        assert all(sum(levels) == design.images for levels in got(design))
        assert design.gave_way in {
            "nothing",
            {"guarantee": "shares", "strict": "orthogonality"}.get(policy, "all-default"),
        }


def test_the_size_is_divided_by_the_quotas():
    assert [design.images for design in make_designs(PAPER, 200)] == [20] * 7 + [10] * 4 + [5] * 4
    assert [design.images for design in make_designs(PAPER, 15)] == [1] * 15


def test_fewer_images_than_models_are_refused():
    with pytest.raises(InvalidInput, match="14 images for 15 models: each needs at least one, so give --images 15"):
        make_designs(PAPER, 14)


def test_strict_says_when_both_rules_cannot_be_met():
    model = Model("A", 800, 512, 8, 40, varies=("iterations", "resolution"))
    catalogue = Catalogue((model,), 500)
    with pytest.raises(
        InvalidInput, match=r"A: 500 images with all defaults .* only 400 of 800 at the default iterations"
    ):
        make_designs(catalogue, policy="strict")
    (design,) = make_designs(catalogue)
    assert (design.gave_way, design.all_default >= 500) == ("shares", True)


def test_one_factor_alone_never_collides():
    model = Model("A", 1000, 512, 8, 40, varies=("iterations",))
    for policy in POLICIES:
        (design,) = make_designs(Catalogue((model,), 500), policy=policy)
        assert (got(design), design.all_default, design.gave_way) == ([[500, 250, 250]], 500, "nothing")


def test_all_images_can_be_asked_to_have_all_defaults():
    model = replace(PAPER.models[0], images=100)
    (design,) = make_designs(Catalogue((model,), 100))
    assert (design.anchors, design.cells) == (100, {})
