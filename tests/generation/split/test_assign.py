"""Dividing images: clusters whole, strata and sizes as near to the ratio as they allow."""

from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from generation.rounding import apportion
from generation.split.assign import SETS, assign, deciles

RATIO = (7, 1, 2)


@st.composite
def images(draw):
    """(clusters, strata) of up to 200 images."""
    count = draw(st.integers(1, 200))
    clusters = draw(st.lists(st.integers(0, count), min_size=count, max_size=count))
    strata = draw(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 2)), min_size=count, max_size=count))
    return clusters, strata


@given(images(), st.sampled_from([RATIO, (8, 0, 2), (1, 1, 1)]), st.integers(0, 5))
def test_every_image_has_a_set_and_clusters_stay_whole(given_images, ratio, seed):
    clusters, strata = given_images
    sets = assign(clusters, strata, ratio, seed)
    assert set(sets) <= {name for name, part in zip(SETS, ratio, strict=True) if part}
    where = defaultdict(set)
    for cluster, name in zip(clusters, sets, strict=True):
        where[cluster].add(name)
    assert {len(names) for names in where.values()} == {1}
    largest = max(Counter(clusters).values())
    sizes = Counter(sets)
    for name, wanted in zip(SETS, apportion(len(sets), ratio), strict=True):
        assert -2 * largest < sizes[name] - wanted < largest


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 9)), min_size=1, max_size=300))
def test_single_images_are_divided_exactly(strata):
    sets = assign(range(len(strata)), strata, RATIO)
    assert [sets.count(name) for name in SETS] == apportion(len(strata), RATIO)
    by_stratum = Counter(zip(strata, sets, strict=True))
    for stratum, size in Counter(strata).items():
        for name, part in zip(SETS, RATIO, strict=True):
            assert abs(by_stratum[stratum, name] - size * part / 10) < 1


def test_large_clusters_go_to_all_sets_in_proportion():
    clusters = [i // 10 for i in range(1000)]
    strata = [("A", i % 10) for i in range(1000)]
    assert Counter(assign(clusters, strata, RATIO)) == {"train": 700, "validation": 100, "test": 200}


def test_a_cluster_that_fits_no_small_set_goes_to_train_and_singles_even_it_out():
    clusters = [0] * 60 + list(range(1, 41))
    sets = assign(clusters, [("A", 0)] * 100, RATIO)
    assert set(sets[:60]) == {"train"}
    assert Counter(sets) == {"train": 70, "validation": 10, "test": 20}


def test_the_seed_decides_and_nothing_else():
    strata = [("A", 0)] * 100
    assert assign(range(100), strata, RATIO, 1) == assign(range(100), strata, RATIO, 1)
    assert assign(range(100), strata, RATIO, 1) != assign(range(100), strata, RATIO, 2)


def test_deciles_are_taken_within_each_generator_and_ties_by_name():
    names = [f"{i:02d}" for i in range(40)]
    generators = ["A", "B"] * 20
    mos = [float(i // 4) for i in range(40)]
    strata = deciles(names, generators, mos)
    assert Counter(strata) == {(generator, decile): 2 for generator in "AB" for decile in range(10)}
    assert strata[0] == ("A", 0)
    assert strata[39] == ("B", 9)
    assert set(deciles(names, generators, None)) == {("A", 0), ("B", 0)}
