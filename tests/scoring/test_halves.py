"""Public and private halves: sizes, equal distributions, secrecy, and scores on a half of a whole file."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring import AnswerKey, InvalidPredictions, evaluate
from scoring.halves import evaluate_half, restrict, split_halves

SECRET = bytes(range(16))


def make_key(n=1000, seed=0, order=None):
    rng = np.random.default_rng(seed)
    names = [f"Generator{i % 5}_{i:05d}.png" for i in range(n)]
    mos = np.clip(rng.normal(3 + np.arange(n) % 5 * 0.2, 1, n), 0, 5)
    rows = list(range(n) if order is None else order)
    return AnswerKey(tuple(names[i] for i in rows), mos[rows], {"generator": [names[i].split("_")[0] for i in rows]})


def mos_of(key, names):
    return restrict(key, names).mos


@settings(deadline=None, max_examples=50)
@given(n=st.integers(2, 300), share=st.floats(0.05, 0.95), secret=st.binary(min_size=16, max_size=40))
def test_the_halves_divide_the_names_in_the_share_asked_for(n, share, secret):
    key = make_key(n)
    if not 0 < round(share * n) < n:
        with pytest.raises(ValueError, match="leaves a half empty"):
            split_halves(key, secret, share=share)
        return
    halves = split_halves(key, secret, share=share)
    assert len(halves.public) == round(share * n)
    assert sorted(halves.public + halves.private) == sorted(key.names)
    assert list(halves.public) == sorted(halves.public)


def test_both_halves_have_the_same_distribution_of_mos():
    key = make_key()
    halves = split_halves(key, SECRET)
    public, private = mos_of(key, halves.public), mos_of(key, halves.private)
    # A random split of 1,000 rows has a Kolmogorov-Smirnov distance near 0.05.
    assert scipy.stats.ks_2samp(public, private).statistic <= 0.012
    uneven = split_halves(key, SECRET, share=0.3)
    assert scipy.stats.ks_2samp(mos_of(key, uneven.public), key.mos).statistic <= 0.012


def test_a_column_is_shared_out_evenly_with_mos_within_each_label():
    key = make_key()
    halves = split_halves(key, SECRET, column="generator")
    for label in set(key.subsets["generator"]):
        rows = [name for name in halves.public if name.startswith(label)]
        others = [name for name in halves.private if name.startswith(label)]
        assert abs(len(rows) - 100) <= 5
        assert scipy.stats.ks_2samp(mos_of(key, rows), mos_of(key, others)).statistic < 0.08


def test_the_split_does_not_depend_on_the_order_of_rows():
    order = np.random.default_rng(1).permutation(1000)
    assert split_halves(make_key(order=order), SECRET) == split_halves(make_key(), SECRET)


def test_another_secret_gives_an_unrelated_split():
    key = make_key()
    first, second = (set(split_halves(key, secret).public) for secret in (SECRET, SECRET[::-1]))
    # Two unrelated halves share 250 of 1,000 names, give or take 8.
    assert 210 < len(first & second) < 290


def test_neighbours_in_mos_do_not_simply_alternate():
    key = make_key()
    public = set(split_halves(key, SECRET).public)
    half = np.array([key.names[row] in public for row in np.argsort(key.mos)])
    assert 0.3 < np.mean(half[1:] == half[:-1]) < 0.6  # 4/9 within strata of 10


def test_a_corrected_mos_moves_few_other_images():
    key = make_key()
    mos = key.mos.copy()
    mos[500] += 0.001
    before, after = (set(split_halves(one, SECRET).public) for one in (key, AnswerKey(key.names, mos, key.subsets)))
    assert len(before ^ after) <= 4


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"secret": b"short"}, "16 bytes"),
        ({"column": "model"}, "unknown column 'model'; the key has generator"),
        ({"share": 0.0}, "leaves a half empty"),
        ({"share": 1.0}, "leaves a half empty"),
        ({"share": float("nan")}, "leaves a half empty"),
    ],
)
def test_options_that_cannot_work_are_refused(options, fault):
    with pytest.raises(ValueError, match=fault):
        split_halves(make_key(), **{"secret": SECRET, **options})


def test_restricting_a_key_keeps_order_and_labels():
    key = make_key(20)
    part = restrict(key, [key.names[7], key.names[2]])
    assert part.names == (key.names[2], key.names[7])
    assert part.mos.tolist() == [key.mos[2], key.mos[7]]
    assert part.subsets == {"generator": ["Generator2", "Generator2"]}
    with pytest.raises(ValueError, match="1 of 2 names are not in the answer key"):
        restrict(key, [key.names[0], "other.png"])


def test_a_half_is_scored_from_a_file_with_every_name():
    key = make_key(400)
    halves = split_halves(key, SECRET)
    rng = np.random.default_rng(2)
    file = dict(zip(key.names, (key.mos + rng.normal(0, 1, 400)).tolist(), strict=True))
    found = evaluate_half(file, key, halves.public, bootstrap=20, seed=3)
    half = {name: mos for name, mos in zip(key.names, key.mos.tolist(), strict=True) if name in halves.public}
    alone = evaluate({name: file[name] for name in half}, half, bootstrap=20, seed=3)
    assert found.to_dict() | {"subsets": {}} == alone.to_dict()
    assert sum(group["n"] for group in found.subsets["generator"].values()) == 200
    other = evaluate_half(file, key, halves.private, bootstrap=0)
    assert found.n + other.n == 400
    assert found.main != other.main


def test_a_file_with_the_public_names_alone_is_refused():
    key = make_key(100)
    halves = split_halves(key, SECRET)
    with pytest.raises(InvalidPredictions, match="50"):
        evaluate_half(dict.fromkeys(halves.public, 1.0), key, halves.public)


def test_restricting_a_key_keeps_what_further_criteria_need():
    names = ("a", "b", "c")
    key = AnswerKey(
        names,
        np.arange(3.0),
        mos_std=np.array([0.1, 0.2, 0.3]),
        n_ratings=np.array([5.0, 6.0, 7.0]),
        pair_group=list("xyz"),
    )
    part = restrict(key, ["c", "a"])
    assert part.names == ("a", "c")
    assert part.mos_std.tolist() == [0.1, 0.3]
    assert part.n_ratings.tolist() == [5.0, 7.0]
    assert part.pair_group == ["x", "z"]
