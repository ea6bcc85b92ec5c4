"""Analytic intervals and the tests of two dependent correlations: published examples, scipy, simulation."""

import math

import numpy as np
import pytest
import scipy.stats

from scoring.analytic import (
    analytic_intervals,
    bonett_wright_interval,
    fieller_interval,
    fisher_interval,
    steiger_test,
    student_p,
    student_quantile,
    williams_test,
)


def test_fisher_equals_scipy(sample):
    x, y = sample
    result = scipy.stats.pearsonr(x, y)
    expected = result.confidence_interval(0.9)
    assert fisher_interval(result.statistic, x.size, 0.9) == pytest.approx(list(expected), abs=1e-12)


def test_intervals_worked_by_hand():
    # artanh 0.5 = 0.549306; 1.959964 sqrt(1.125 / 100) = 0.207886; tanh(0.341420), tanh(0.757192).
    assert bonett_wright_interval(0.5, 103) == pytest.approx([0.328745, 0.639420], abs=2e-6)
    # 1.959964 sqrt(0.437 / 100) = 0.129565; tanh(0.419741), tanh(0.678871).
    assert fieller_interval(0.5, 104) == pytest.approx([0.396712, 0.590785], abs=2e-6)


def test_undefined_intervals_are_absent():
    values = {"pearson": 1.0, "plcc": None, "srocc": 0.5, "krocc": 0.4, "main": 0.5, "rmse": 0.3}
    assert set(analytic_intervals(values, 100)) == {"srocc", "krocc"}
    assert set(analytic_intervals(values, 4)) == {"srocc"}
    assert analytic_intervals(values, 3) == {}


# Printed by the R package cocor, coefficients to four places: r1, r2, r12, n, Williams' t, Steiger's z.
@pytest.mark.parametrize(
    ("first", "second", "between", "n", "williams", "steiger"),
    [
        (0.8066, 0.2383, 0.2255, 177, 9.3823, 8.5460),
        (-0.1741, 0.2015, 0.3734, 646, -9.0340, -8.6124),
        (0.5447, 0.8, 0.0729, 70, -2.8114, None),
        (0.0228, 0.3522, 0.3718, 553, None, -7.1345),
        (0.2493, 0.3395, 0.4082, 553, None, -2.0660),
    ],
)
def test_published_examples(first, second, between, n, williams, steiger):
    if williams is not None:
        found = williams_test(first, second, between, n)
        assert found.statistic == pytest.approx(williams, abs=3e-3)
        assert found.df == n - 3
    if steiger is not None:
        assert steiger_test(first, second, between, n).statistic == pytest.approx(steiger, abs=3e-3)


def test_p_values():
    assert williams_test(0.5447, 0.8, 0.0729, 70).p == pytest.approx(0.0065, abs=5e-5)
    assert steiger_test(0.2493, 0.3395, 0.4082, 553).p == pytest.approx(0.0388, abs=5e-5)
    # Steiger (1980), case A, by hand: |R| = 0.62, t = 0.1 sqrt(112.2 / 1.41242); c = 0.00042256.
    assert williams_test(0.5, 0.4, 0.1, 103).statistic == pytest.approx(0.89128, abs=1e-5)
    assert steiger_test(0.5, 0.4, 0.1, 103).statistic == pytest.approx(0.88872, abs=1e-5)


@pytest.mark.parametrize("df", [1, 2, 7, 100, 4000, 100_000])
def test_student_p_equals_scipy(df):
    for t in (0.0, 1e-6, 0.3, 1.0, -2.5, 6.0, 30.0):
        assert student_p(t, df) == pytest.approx(2 * scipy.stats.t.sf(abs(t), df), rel=1e-8, abs=1e-300)


def test_degenerate_correlations_have_no_test():
    assert steiger_test(1.0, 0.5, 0.5, 100) is None
    assert steiger_test(0.5, 0.5, 1.0, 100) is None
    assert williams_test(0.5, 0.5, 1.0, 100) is None
    assert steiger_test(0.5, 0.4, 0.1, 3) is None
    assert williams_test(0.5, 0.4, 0.1, 3) is None


def test_both_tests_reject_five_percent_of_true_null_hypotheses():
    rng = np.random.default_rng(20)
    n, repetitions = 100, 2000
    root = np.linalg.cholesky([[1, 0.6, 0.6], [0.6, 1, 0.7], [0.6, 0.7, 1]])
    rejected = np.zeros(2)
    for _ in range(repetitions):
        r = np.asarray(np.corrcoef(root @ rng.normal(size=(3, n))))
        found = [test(r[0, 1], r[0, 2], r[1, 2], n) for test in (steiger_test, williams_test)]
        rejected += [one.p < 0.05 for one in found]
    # Standard error 0.005: bounds of four of them.
    assert np.abs(rejected / repetitions - 0.05).max() < 0.02


def test_statistics_change_sign_with_the_order():
    for test in (steiger_test, williams_test):
        assert test(0.4, 0.5, 0.1, 103).statistic == -test(0.5, 0.4, 0.1, 103).statistic
        assert math.isclose(test(0.4, 0.5, 0.1, 103).p, test(0.5, 0.4, 0.1, 103).p)


@pytest.mark.parametrize("df", [1, 2, 3, 14, 20, 105, 5000])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.975, 0.9995])
def test_quantiles_of_student_equal_scipy(share, df):
    assert student_quantile(share, df) == pytest.approx(scipy.stats.t.ppf(share, df), rel=1e-9, abs=1e-9)
