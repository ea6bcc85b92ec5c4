"""Screening rules against published expected values and real studies."""

import numpy as np
import pytest

from scoring.cells import Cells
from scoring.correlations import srocc
from scoring.opinion_scores import mean_opinion_scores, standardise
from scoring.screening import RULES, outlying_ratings, screen, subject_correlations
from scoring.subject_model import remove_bias
from tests.scoring.studies import avt, its4s2, nflx, random_matrix, ratings_of


def rejected(matrix, rule, **options):
    return sorted(screen(ratings_of(matrix).cells(), rule, **options).reasons)


@pytest.mark.parametrize(
    ("rule", "clean", "with_outliers"),
    [
        ("srocc", [], [26, 27, 28, 29]),
        ("srocc_loo", [], [26, 27, 28, 29]),
        ("sureal_pcc", [], [26, 27, 28, 29]),
        ("sureal_srcc", [], [26, 27, 28, 29]),
        ("bt500", [2], [26, 28, 29]),
        ("none", [], []),
    ],
)
def test_planted_outliers_are_found(rule, clean, with_outliers):
    assert rejected(nflx(), rule) == clean
    assert rejected(nflx(outliers=True), rule) == with_outliers


def test_the_correlations_of_the_planted_outliers_are_as_published():
    found = screen(ratings_of(nflx(outliers=True)).cells())
    assert found.statistic.min().round(3) == -0.169
    assert found.statistic.max().round(3) == 0.926
    assert found.reasons[27].endswith("with the mean of all is below 0.6")
    clean = screen(ratings_of(nflx()).cells()).statistic
    assert (clean.min().round(3), clean.max().round(3)) == (0.718, 0.930)


def test_the_mean_after_rejection_is_that_of_the_clean_set():
    ratings = ratings_of(nflx(outliers=True))
    scores = mean_opinion_scores(ratings)
    assert sorted(scores.rejected) == ["s26", "s27", "s28", "s29"]
    kept = np.array([name not in scores.rejected for name in ratings.subjects])
    means = ratings.cells().of(kept).image_means()
    assert means.mean() == pytest.approx(3.5447906523855899, abs=1e-12)
    assert means.var() == pytest.approx(1.4012220200639218, abs=1e-12)
    assert np.sort(means)[-1] == pytest.approx(4.884615384615385, abs=1e-12)
    assert means[0] == pytest.approx(1.3076923076923077, abs=1e-12)


def test_the_kurtosis_rule_works_on_standardised_and_on_unbiased_scores():
    clean, outliers = ratings_of(nflx()), ratings_of(nflx(outliers=True))
    assert sorted(screen(standardise(clean, "none").z, "bt500").reasons) == [2, 3, 12]
    assert sorted(screen(standardise(outliers, "none").z, "bt500").reasons) == [26, 27, 28, 29]
    assert sorted(screen(remove_bias(clean.cells())[0], "bt500").reasons) == [3, 4, 9, 12]
    assert sorted(screen(remove_bias(outliers.cells())[0], "bt500").reasons) == [26, 27, 28]


def test_subjects_that_answered_at_random_are_found_on_real_ratings():
    matrix = its4s2()
    assert rejected(matrix, "srocc") == [11, 13]
    assert rejected(matrix, "srocc_loo") == [11, 13]
    assert rejected(matrix, "bt500") == []
    statistic = screen(ratings_of(matrix).cells()).statistic
    assert (statistic.min().round(3), statistic.max().round(3)) == (0.530, 0.808)


def test_on_noisy_single_item_ratings_the_rule_is_harsh_and_says_so():
    first, second = avt(2022, "image_appeal"), avt(2023, "image_appeal")
    assert (len(first.subjects), len(second.subjects)) == (22, 25)
    assert (len(screen(first.cells()).reasons), len(screen(second.cells()).reasons)) == (8, 11)
    assert "11 of 25 subjects are rejected: 'srocc' is harsh on noisy ratings" in mean_opinion_scores(second).warnings
    assert "only 14 subjects: ITU-R BT.500 asks for at least 15" in mean_opinion_scores(first).warnings


def test_leaving_oneself_out_is_stricter():
    cells = ratings_of(random_matrix(80, 6, missing=0.3)).cells()
    including = subject_correlations(cells, srocc)
    assert (subject_correlations(cells, srocc, leave_one_out=True) < including).all()


def test_correlations_are_over_the_images_a_subject_rated():
    matrix = random_matrix(40, 5, seed=3, missing=0.4)
    found = subject_correlations(ratings_of(matrix).cells(), srocc, leave_one_out=True)
    for j in range(5):
        others = np.delete(matrix, j, axis=1)
        rows = ~np.isnan(matrix[:, j]) & ~np.isnan(others).all(axis=1)
        assert found[j] == pytest.approx(srocc(matrix[rows, j], np.nanmean(others[rows], axis=1).round(9)), abs=1e-12)


def test_equal_means_are_ties_whatever_the_order_of_their_sum():
    # 0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1 differ in the last bit.
    matrix = np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [1.0, 2.0, 3.0]])
    assert subject_correlations(ratings_of(matrix).cells(), srocc)[1] == 1


@pytest.mark.parametrize("rule", ["srocc", "srocc_loo", "sureal_pcc", "sureal_srcc"])
def test_subjects_without_a_correlation_are_rejected_with_the_reason(rule):
    matrix = random_matrix(30, 7)
    matrix[:, 2] = 3.3
    matrix[1:, 4] = np.nan
    reasons = screen(ratings_of(matrix).cells(), rule).reasons
    assert reasons[2] == "gave every image the same rating"
    assert reasons[4] == "rated fewer than two images"


def test_the_threshold_is_the_lowest_value_kept():
    matrix = random_matrix(30, 5)
    lowest = float(screen(ratings_of(matrix).cells()).statistic.min())
    assert rejected(matrix, "srocc", threshold=lowest) == []
    assert len(rejected(matrix, "srocc", threshold=np.nextafter(lowest, 1))) == 1


def test_images_all_agree_on_count_for_nobody_in_the_kurtosis_rule():
    matrix = np.full((20, 5), 3.0)
    above, below = outlying_ratings(ratings_of(matrix).cells())
    assert above.tolist() == below.tolist() == [0.0] * 5


def test_the_kurtosis_rule_counts_as_its_definition_says():
    matrix = np.round(random_matrix(60, 12, seed=5))
    matrix[:, 3] = np.random.default_rng(0).integers(0, 6, 60)
    above, below = outlying_ratings(ratings_of(matrix).cells())
    expected = np.zeros((2, 12))
    for row in matrix:
        deviation = row - row.mean()
        variance = np.mean(deviation**2)
        if variance == 0:
            continue
        kurtosis = np.mean(deviation**4) / variance**2
        far = (2 if 2 <= kurtosis <= 4 else np.sqrt(20)) * np.sqrt(variance)
        expected += deviation >= far, deviation <= -far
    assert above.tolist() == expected[0].tolist()
    assert below.tolist() == expected[1].tolist()
    assert expected.sum() > 5


def test_an_unknown_rule_lists_the_known_ones():
    cells = Cells(np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1), 1, 1)
    with pytest.raises(ValueError, match="unknown screening 'best'") as caught:
        screen(cells, "best")
    assert all(rule in str(caught.value) for rule in RULES)
