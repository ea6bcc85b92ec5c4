"""The 90 % rule and clusters, against comparing all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz

from generation.prompts.merging import clusters, merge
from generation.prompts.text import key
from tests.generation.prompts.oracle import all_pairs, leaders, similar_pairs

words = st.sampled_from(
    ["a", "red", "blue", "fox", "castle", "in", "the", "rain", "night", "4k", "detailed", "painting"]
)
variants = st.lists(st.lists(words, min_size=1, max_size=12).map(" ".join), min_size=1, max_size=40, unique=True)
anything = st.lists(st.text("abc 1é", min_size=1, max_size=30).map(key).filter(bool), max_size=40, unique=True)


@pytest.fixture(scope="session")
def discord_keys(discord_rows):
    """Distinct keys of the 30,000 rows, most frequent first, then earliest."""
    count: dict[str, int] = {}
    for row in discord_rows:
        value = key(row.text)
        if value:
            count[value] = count.get(value, 0) + 1
    return sorted(count, key=lambda value: -count[value])


@pytest.fixture(scope="session")
def discord_pairs(discord_keys):
    return similar_pairs(discord_keys)


def test_on_30000_real_rows_the_kept_set_is_that_of_the_exact_leader_pass(discord, discord_keys, discord_pairs):
    leader = leaders(len(discord_keys), discord_pairs)
    expected = {value for i, value in enumerate(discord_keys) if leader[i] == i}
    merged_away = {i for i, drop in discord.dropped.items() if drop.rule in ("exact", "merged")}
    kept = {key(row.text) for i, row in enumerate(discord.rows) if i not in merged_away}
    assert len(discord_keys) == discord.left["exact"] == 21_305
    assert len(expected) == discord.left["merged"] == 18_263
    assert kept == expected


def test_no_two_keys_that_are_kept_of_the_real_rows_are_90_percent_similar(discord, discord_keys, discord_pairs):
    kept = {key(one.text) for one in discord.kept}
    assert len(kept) == len(discord.kept) > 17_000
    assert not [(i, j) for i, j in discord_pairs if discord_keys[i] in kept and discord_keys[j] in kept]


def test_both_searches_give_every_key_the_leader_that_comparing_all_pairs_gives(discord_keys):
    keys = discord_keys[:1_500]
    pairs = all_pairs(keys)
    assert pairs == similar_pairs(keys)  # the oracle's bound loses nothing
    expected = leaders(len(keys), pairs)
    assert len(set(expected)) < 1_480  # there was something to merge
    for method in ("exact", "lsh"):
        merged = merge(keys, method=method)
        assert merged.leader.tolist() == expected
        for i in np.flatnonzero(merged.leader != np.arange(len(keys))):
            assert merged.similarity[i] == fuzz.ratio(keys[i], keys[merged.leader[i]]) >= 90


def test_both_searches_join_every_similar_pair_of_real_keys_into_one_cluster(discord_keys):
    keys = discord_keys[:1_500]
    pairs = all_pairs(keys, 80)
    assert len(pairs) > 50
    exact, lsh = (clusters(keys, threshold=80, method=method).tolist() for method in ("exact", "lsh"))
    assert exact == lsh
    assert all(exact[i] == exact[j] for i, j in pairs)


@pytest.mark.parametrize("threshold", [90, 80, 60])
@given(keys=st.one_of(variants, anything))
def test_small_inputs_are_always_merged_exactly(keys, threshold):
    assert merge(keys, threshold=threshold).leader.tolist() == leaders(len(keys), all_pairs(keys, threshold))


@given(keys=variants)
def test_a_similar_pair_is_never_parted_by_clusters(keys):
    label = clusters(keys, threshold=80)
    pairs = all_pairs(keys, 80)
    assert all(label[i] == label[j] for i, j in pairs)
    for i in range(len(keys)):  # and who is in a cluster is there through a pair
        assert label[i] == i or any(label[j] == label[i] for pair in pairs if i in pair for j in pair if j != i)


def test_nothing_is_merged_along_a_chain():
    chain = [
        "a b c d e f g h i j",
        "a b c d e f g h i k",
        "a b c d e f g h l k",
    ]
    assert fuzz.ratio(chain[0], chain[1]) >= 90 > fuzz.ratio(chain[0], chain[2])
    assert fuzz.ratio(chain[1], chain[2]) >= 90
    assert merge(chain).leader.tolist() == [0, 0, 2]
    assert clusters(chain, threshold=90).tolist() == [0, 0, 0]


def test_90_percent_itself_merges_and_the_threshold_moves_it():
    keys = ["abcdefghij", "abcdefghiz"]
    assert fuzz.ratio(*keys) == 90
    assert merge(keys).leader.tolist() == [0, 0]
    assert merge(keys, threshold=90.1).leader.tolist() == [0, 1]


def test_min_length_lets_short_prompts_merge_only_when_equal():
    keys = [
        "the year 1901",
        "the year 1915",
        "a very long prompt about the year 1901",
        "a very long prompt about year 1901",
    ]
    assert merge(keys).leader.tolist() == [0, 0, 2, 2]
    assert merge(keys, min_length=20).leader.tolist() == [0, 1, 2, 2]


def test_the_subject_guard_keeps_different_subjects_with_one_style_apart():
    style = (
        " highly detailed digital painting artstation concept art smooth sharp focus illustration by greg rutkowski" * 2
    )
    keys = ["portrait of a young woman in the walking dead" + style, "goku in gta v" + style]
    assert merge(keys, threshold=85).leader.tolist() == [0, 0]
    assert merge(keys, threshold=85, subject_guard=60).leader.tolist() == [0, 1]


def test_the_exact_search_finds_short_pairs_whose_differences_are_spread_out():
    keys = ["lion tiger bear wolf fox", "lian tiger bear wolf fix"]
    assert fuzz.ratio(*keys) >= 90
    assert merge(keys, method="exact").leader.tolist() == [0, 0]
