"""Twins: every pair that is nearly the same, and the clusters they form."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz

from generation.split import twins
from generation.split.leakage import group_prompts, leakage
from generation.split.twins import Twins, components, find_twins

texts = st.lists(st.text(alphabet="ab 1ü", min_size=1, max_size=12), max_size=30, unique=True)


@given(texts, st.sampled_from([50, 80, 90, 100]), st.integers(1, 7))
def test_all_pairs_are_found_and_no_others(keys, threshold, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twins, "_BLOCK", block)
        found = {(pair.first, pair.second): pair.similarity for pair in find_twins(keys, threshold)}
    scores = {(i, j): fuzz.ratio(keys[i], keys[j]) for i, j in combinations(range(len(keys)), 2)}
    assert found == {pair: pytest.approx(score) for pair, score in scores.items() if score >= threshold}


def test_a_pair_exactly_at_the_threshold_is_a_twin():
    # 2 x 4 / (4 + 6) = 0.8: two insertions in ten letters.
    assert find_twins(["abcd", "abcdef"], 80) == [Twins(0, 1, pytest.approx(80))]
    assert find_twins(["abcd", "abcdef"], 80.1) == []


def test_chains_are_one_component():
    chain = [Twins(0, 2, 90.0), Twins(2, 4, 85.0)]
    found = components(5, chain)
    assert found[0] == found[2] == found[4]
    assert len({found[0], found[1], found[3]}) == 3


def test_clusters_are_numbered_as_they_occur_and_know_equal_prompts():
    prompts = [
        "a red house by the sea",
        "portrait of a man",
        "A red house, by the sea!",
        "a red house by the lake",
        "🔥",
        "💧",
    ]
    assert group_prompts(prompts).cluster_of == [0, 1, 0, 0, 2, 3]


def test_leakage_counts_images_of_each_set_by_their_nearest_prompt_of_train():
    prompts = [
        "a small red house by the sea in winter",
        "A small red house, by the sea in winter.",  # the same key
        "a small red house by the sea in winters",  # 99 %
        "a small red house at the sea in summer",  # 83 %
        "something else altogether",
    ]
    sets = ["train", "test", "test", "test", "validation"]
    found = leakage(group_prompts(prompts), sets)
    assert found["test"]["images"] == 3
    assert [found["test"][level]["count"] for level in ("verbatim", "at_least_90", "at_least_80")] == [1, 2, 3]
    assert found["test"]["verbatim"]["share"] == pytest.approx(1 / 3, abs=1e-6)
    assert [found["validation"][level]["count"] for level in ("verbatim", "at_least_90", "at_least_80")] == [0, 0, 0]
