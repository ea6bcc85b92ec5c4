"""SRoCC, KRoCC and Pearson against scipy, published values and their definitions."""

import csv
import json
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import scoring
from tests.reference import shared

small_integers = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=90)


@given(small_integers)
def test_rank_correlations_equal_scipy_with_any_ties(rows):
    x, y = np.array(rows, dtype=float).T
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert math.isnan(scoring.srocc(x, y))
        assert math.isnan(scoring.krocc(x, y))
    else:
        assert scoring.srocc(x, y) == pytest.approx(scipy.stats.spearmanr(x, y)[0], abs=1e-12)
        assert scoring.krocc(x, y) == pytest.approx(scipy.stats.kendalltau(x, y)[0], abs=1e-12)


@pytest.mark.parametrize("n", [31, 32, 33, 63, 64, 65, 95, 97, 1000, 4097])
@pytest.mark.parametrize("levels", [3, 40, 10**9])
def test_kendall_equals_scipy_at_block_boundaries(n, levels):
    rng = np.random.default_rng(n)
    x = rng.integers(0, levels, n).astype(float)
    y = x + rng.integers(0, levels, n)
    assert scoring.krocc(x, y) == pytest.approx(scipy.stats.kendalltau(x, y)[0], abs=1e-12)


def test_correlations_equal_the_reference_on_real_pairs(reference_pairs):
    for expected, x, y in reference_pairs.values():
        assert scoring.srocc(x, y) == pytest.approx(expected["spearman"], abs=1e-9)
        assert scoring.krocc(x, y) == pytest.approx(expected["kendall_tau_b"], abs=1e-9)
        assert scoring.pearson(x, y) == pytest.approx(expected["pearson"], abs=1e-9)


def test_correlations_equal_those_published_for_tifa():
    published = json.loads(shared("tifa-human/expected_correlations.json").read_text())
    items = json.loads(shared("tifa-human/human_annotations_with_scores.json").read_text())
    items = list(items.values()) if isinstance(items, dict) else items
    human = [item["human_avg"] for item in items]
    for metric, expected in published.items():
        scores = [item[metric] for item in items]
        assert scoring.krocc(scores, human) == pytest.approx(expected["kendall_tau_b"], abs=1e-12)
        assert scoring.srocc(scores, human) == pytest.approx(expected["spearman_true"], abs=1e-12)
        assert scoring.pearson(scores, human) == pytest.approx(expected["pearson_published_as_spearman"], abs=1e-12)


def test_small_cases_of_the_sureal_and_vmaf_suites():
    assert scoring.pearson([1, 2, 3, 4], [1, 2, 3, 5]) == pytest.approx(0.98270762982399085, abs=1e-15)
    assert scoring.srocc([1, 2, 3, 4], [1, 2, 5, 3]) == pytest.approx(0.8, abs=1e-15)
    assert scoring.krocc([1, 2, 3, 4], [1, 2, 5, 3]) == pytest.approx(2 / 3, abs=1e-15)


@pytest.mark.parametrize(("true_srocc", "ratio"), [(0.05, 0.667), (0.76, 0.747), (0.86, 0.781)])
def test_kendall_over_spearman_without_ties_grows_from_two_thirds(true_srocc, ratio):
    r = 2 * math.sin(math.pi * true_srocc / 6)
    y = np.random.default_rng(2).normal(size=(2, 100_000))
    x = r * y[0] + math.sqrt(1 - r * r) * y[1]
    assert scoring.srocc(x, y[0]) == pytest.approx(true_srocc, abs=0.01)
    assert scoring.krocc(x, y[0]) / scoring.srocc(x, y[0]) == pytest.approx(ratio, abs=0.006)


def test_kendall_over_spearman_of_two_valued_predictions_is_the_largest():
    y = np.random.default_rng(3).normal(size=4000)
    for x in (y > 0, y > 1.5, y + np.random.default_rng(4).normal(size=4000) > 0):
        assert scoring.krocc(x, y) / scoring.srocc(x, y) == pytest.approx(0.8165, abs=2e-4)


def test_the_mean_of_its_generator_predicts_the_released_mos():
    with shared("aigiqa20k-train/info_train.csv").open(encoding="utf-8") as stream:
        images = list(csv.DictReader(stream))
    mos = np.array([float(image["mos"]) for image in images])
    generator = [image["name"].rsplit("_", 1)[0] for image in images]
    sums: dict[str, list[float]] = {}
    for name, value in zip(generator, mos, strict=True):
        sums.setdefault(name, []).append(value)
    means = np.array([np.mean(sums[name]) for name in generator])
    assert (len(sums), mos.size) == (15, 14_000)
    assert scoring.plcc(means, mos) == pytest.approx(0.7115, abs=1e-3)
    assert scoring.srocc(means, mos) == pytest.approx(0.7222, abs=5e-5)
    assert scoring.krocc(means, mos) == pytest.approx(0.5422, abs=5e-5)


@pytest.mark.parametrize("measure", [scoring.srocc, scoring.krocc, scoring.pearson])
def test_undefined_correlations_are_nan_and_bad_input_is_refused(measure):
    assert math.isnan(measure([], []))
    assert math.isnan(measure([1.0], [2.0]))
    assert math.isnan(measure([3.0, 3.0, 3.0], [1.0, 2.0, 3.0]))
    assert math.isnan(measure([1.0, 2.0, 3.0], [3.0, 3.0, 3.0]))
    with pytest.raises(ValueError, match="equal length"):
        measure([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="finite"):
        measure([1.0, math.nan], [1.0, 2.0])
    with pytest.raises(ValueError, match="finite"):
        measure([1.0, 2.0], [1.0, math.inf])


@pytest.mark.parametrize("measure", [scoring.srocc, scoring.krocc, scoring.pearson])
def test_correlations_survive_extreme_scales(measure, sample):
    x, y = sample
    assert measure(x * 1e300, y) == pytest.approx(measure(x, y), abs=1e-12)
    assert measure(x * 1e-300, y) == pytest.approx(measure(x, y), abs=1e-12)
    assert measure(np.array([-1.7e308, 0.0, 1.7e308]), [1, 2, 3]) == pytest.approx(1.0)


def test_rank_correlations_do_not_change_by_a_bit_under_monotone_maps_and_reordering(sample):
    x, y = sample
    order = np.random.default_rng(0).permutation(x.size)
    for measure in (scoring.srocc, scoring.krocc):
        assert measure(np.exp(x), y) == measure(x, y)
        assert measure(x[order], y[order]) == measure(x, y)
        assert measure(-x, y) == -measure(x, y)
