"""ROC analysis of pairs: the definition by brute force, the numbers of vmaf's tests, limits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.krasula import roc_analysis


@pytest.fixture
def study():
    """80 images with MOS, standard deviations, 12 to 30 ratings, and predictions."""
    rng = np.random.default_rng(3)
    mos = rng.uniform(1, 5, 80)
    return mos + rng.normal(0, 0.8, 80), mos, rng.uniform(0.3, 1.2, 80), rng.integers(12, 31, 80).astype(float)


def brute_force(x, y, std, n, threshold=2.0):
    better, similar = [], []
    for i in range(len(x)):
        for j in range(i):
            gap = y[i] - y[j]
            if abs(gap) > threshold * math.sqrt(std[i] ** 2 / n[i] + std[j] ** 2 / n[j]):
                better.append((x[i] - x[j]) * math.copysign(1, gap))
            else:
                similar.append(abs(x[i] - x[j]))
    return np.array(better), np.array(similar)


def area(positive, negative):
    return np.mean((positive[:, None] > negative) + 0.5 * (positive[:, None] == negative))


def test_the_areas_are_those_of_the_definition(study):
    better, similar = brute_force(*study)
    found = roc_analysis(*study)
    assert (found.different, found.similar, found.sampled) == (better.size, similar.size, False)
    assert found.auc_ds == pytest.approx(area(np.abs(better), similar), abs=1e-9)
    assert found.auc_bw == pytest.approx(area(better, -better), abs=1e-9)
    assert found.cc_0 == np.mean(better > 0)
    assert found.threshold_95 == pytest.approx(np.percentile(similar, 95), rel=1e-9)


def test_a_lower_threshold_finds_more_pairs_different(study):
    better, _ = brute_force(*study, threshold=1.645)
    assert roc_analysis(*study, threshold=1.645).different == better.size > roc_analysis(*study).different


@pytest.mark.parametrize(
    ("predictions", "auc_bw", "auc_ds", "cc_0", "threshold_95"),
    [([1, 2, 3, 4], 1.0, 0.9375, 1.0, 1.0), ([3, 1, 2, 4], 0.8125, 0.6250, 0.75, 2.0)],
)
def test_the_numbers_of_the_vmaf_tests_are_reproduced(predictions, auc_bw, auc_ds, cc_0, threshold_95):
    ratings = np.random.RandomState(1).normal(0, 1.0, [4, 10]) + np.arange(1, 5)[:, None]
    mos, std = ratings.mean(axis=1), ratings.std(axis=1, ddof=1)
    found = roc_analysis(predictions, mos, std, [10] * 4, self_pairs=True)
    assert found.auc_bw == pytest.approx(auc_bw, abs=1e-6)
    assert found.auc_ds == pytest.approx(auc_ds, abs=1e-6)
    assert found.cc_0 == pytest.approx(cc_0, abs=1e-6)
    assert found.threshold_95 == pytest.approx(threshold_95, abs=1e-6)
    # Without an image against itself only the different/similar analysis changes, and it gets no better.
    plain = roc_analysis(predictions, mos, std, [10] * 4)
    assert (plain.auc_bw, plain.cc_0) == (found.auc_bw, found.cc_0)
    assert plain.auc_ds < found.auc_ds


def test_perfect_inverted_and_useless_predictions(study):
    _, y, std, n = study
    perfect, inverted = roc_analysis(y, y, std, n), roc_analysis(-y, y, std, n)
    assert (perfect.auc_bw, perfect.cc_0) == (1.0, 1.0)
    assert (inverted.auc_bw, inverted.cc_0) == (0.0, 0.0)
    assert inverted.auc_ds == perfect.auc_ds > 0.9
    constant = roc_analysis(np.ones(80), y, std, n)
    assert (constant.auc_ds, constant.auc_bw, constant.cc_0) == (0.5, 0.5, 0.0)


@given(st.sampled_from([1e-3, 0.1, 1 / 3, 7.0, 1e6, 1e300]), st.sampled_from([0.0, 1.0, -50.0]))
def test_scale_and_offset_of_the_predictions_do_not_matter(scale, offset):
    rng = np.random.default_rng(5)
    levels = rng.integers(0, 5, 40).astype(float)
    y, std, n = levels + rng.normal(0, 1, 40), np.full(40, 0.5), np.full(40, 15.0)
    plain, changed = roc_analysis(levels, y, std, n), roc_analysis(scale * (levels + offset), y, std, n)
    assert changed.auc_ds == pytest.approx(plain.auc_ds, abs=1e-12)
    assert changed.auc_bw == pytest.approx(plain.auc_bw, abs=1e-12)
    assert changed.cc_0 == plain.cc_0


def test_equal_differences_tie_although_they_are_rounded_differently():
    assert 0.3 - 0.2 != 0.2 - 0.1
    # Two different pairs 0.1 and 0.2 apart, one similar pair 0.1 apart: one tie, one win.
    found = roc_analysis([0.1, 0.2, 0.3], [1.0, 1.01, 3.0], [0.1] * 3, [9] * 3)
    assert found.auc_ds == 0.75


def test_more_pairs_than_the_limit_are_sampled_the_same_way_every_time(study):
    whole = roc_analysis(*study)
    sampled = roc_analysis(*study, max_pairs=2000)
    assert sampled == roc_analysis(*study, max_pairs=2000)
    assert sampled.sampled
    assert sampled.different + sampled.similar == 2000
    assert sampled.auc_ds == pytest.approx(whole.auc_ds, abs=0.06)
    assert sampled.auc_bw == pytest.approx(whole.auc_bw, abs=0.03)
    assert sampled.cc_0 == pytest.approx(whole.cc_0, abs=0.05)


def test_without_pairs_of_a_kind_the_area_is_nan():
    only_similar = roc_analysis([1, 2], [1, 1], [1, 1], [5, 5])
    assert math.isnan(only_similar.auc_ds)
    assert math.isnan(only_similar.auc_bw)
    assert math.isnan(only_similar.cc_0)
    only_different = roc_analysis([1, 2], [1, 2], [0, 0], [5, 5])
    assert math.isnan(only_different.auc_ds)
    assert math.isnan(only_different.threshold_95)
    assert (only_different.auc_bw, only_different.cc_0) == (1.0, 1.0)
    assert roc_analysis([], [], [], []).different == 0


@pytest.mark.parametrize(
    ("std", "n", "says"),
    [
        ([1, 1], [5, 0], "1 or more"),
        ([1, -1], [5, 5], "0 or more"),
        ([1], [5], "2 predictions"),
        ([1, 1], [5], "equal"),
    ],
)
def test_impossible_deviations_and_counts_are_refused(std, n, says):
    with pytest.raises(ValueError, match=says):
        roc_analysis([1, 2], [1, 2], std, n)
