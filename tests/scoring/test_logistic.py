"""Eq. 4: the global optimum on real pairs, its sign, its invariances and its undefined cases."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import OptimizeWarning, curve_fit
from scipy.special import expit

import scoring
from scoring.logistic import fit_logistic


def eq4(x, a1, a2, a3, a4, a5):
    return a1 * (expit(a2 * (x - a3)) - 0.5) + a4 * x + a5


def test_plcc_reaches_the_best_known_optimum_on_every_real_pair(reference_pairs):
    for name, (expected, x, y) in reference_pairs.items():
        fit = fit_logistic(x, y)
        assert abs(fit.plcc) >= expected["plcc_eq4_global"] - 2e-5, name
        assert abs(fit.plcc) >= abs(expected["pearson"]) - 1e-12, name
        converged = [abs(value) for value in expected["scipy_curve_fit"].values() if isinstance(value, float)]
        assert abs(fit.plcc) >= max(converged, default=0.0) - 2e-5, name


def test_the_reported_plcc_and_rmse_are_those_of_the_predicted_values(reference_pairs):
    for name, (_, x, y) in reference_pairs.items():
        for form in ("logistic5", "logistic4"):
            fit = fit_logistic(x, y, form=form)
            mapped = fit.predict(x)
            assert abs(np.corrcoef(mapped, y)[0, 1]) == pytest.approx(abs(fit.plcc), abs=1e-9), (name, form)
            assert math.sqrt(np.mean((mapped - y) ** 2)) == pytest.approx(fit.rmse, rel=1e-9), (name, form)


def test_parameters_are_those_of_eq_4_in_the_units_of_the_data(sample):
    x, y = sample
    fit = fit_logistic(100 * x + 7, y)
    assert eq4(100 * x + 7, *fit.params) == pytest.approx(fit.predict(100 * x + 7), abs=1e-9)
    assert fit.params[1] > 0


def test_four_parameter_form_is_monotone_and_reaches_its_reference(reference_pairs):
    for name, (expected, x, y) in reference_pairs.items():
        fit = fit_logistic(x, y, form="logistic4")
        assert abs(fit.plcc) >= expected["plcc_logistic4"] - 2e-5, name
        assert fit.monotone, name
        steps = np.diff(fit.predict(np.sort(x))) * fit.direction
        assert steps.min() >= -1e-9 * np.abs(y).max(), name


def test_monotone_flag_agrees_with_the_predicted_curve(reference_pairs):
    for name, (_, x, y) in reference_pairs.items():
        fit = fit_logistic(x, y)
        grid = np.unique(np.concatenate([np.linspace(x.min(), x.max(), 20001), x]))
        steps = np.diff(fit.predict(grid))
        turn = min(steps.max(), -steps.min())  # size of the largest move against the main direction
        if fit.monotone:
            assert turn <= 1e-4 * np.ptp(y), name
        elif fit.steepness < 20:
            assert turn > 0, name


def test_ties_saturate_at_the_correlation_ratio(reference_pairs):
    _, x, y = reference_pairs["agiqa3k/mllm5.quality"]
    assert scoring.plcc(x, y) == pytest.approx(0.829574, abs=1e-6)
    group_means = np.array([y[x == value].mean() for value in x])
    assert scoring.plcc(x, y) == pytest.approx(np.corrcoef(group_means, y)[0, 1], abs=1e-6)


def test_an_inverted_prediction_keeps_its_size_and_changes_sign(sample):
    x, y = sample
    rising, falling = fit_logistic(x, y), fit_logistic(-x, y)
    assert (rising.direction, falling.direction) == (1, -1)
    assert falling.plcc == pytest.approx(-rising.plcc, abs=1e-9)
    assert scoring.plcc(-x, y) < -0.7


def test_one_far_off_prediction_cannot_turn_the_sign(sample):
    x, y = sample
    x = x.copy()
    x[np.argmin(y)] = 1e6
    fit = fit_logistic(x, y)
    assert fit.direction == 1
    assert fit.plcc > 0.7


@pytest.mark.parametrize(
    ("scale", "offset", "tolerance"), [(1e6, 0, 1e-9), (1e-6, 0, 1e-9), (1, 1e6, 1e-7), (3, -5, 1e-9)]
)
def test_plcc_is_invariant_to_affine_changes_of_the_predictions(scale, offset, tolerance, sample):
    x, y = sample
    assert scoring.plcc(scale * x + offset, y) == pytest.approx(scoring.plcc(x, y), abs=tolerance)
    assert scoring.plcc(x, 7 * y - 3) == pytest.approx(scoring.plcc(x, y), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(40, 120),
    st.floats(1e-3, 1e3),
    st.floats(-100, 100),
    st.sampled_from([3, 7, 1000000]),
)
def test_affine_invariance_on_random_samples(seed, n, scale, offset, levels):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, levels, n).astype(float)
    y = x / levels + rng.normal(0, 0.5, n)
    if np.ptp(x) > 0:
        assert scoring.plcc(scale * x + offset, y) == pytest.approx(scoring.plcc(x, y), abs=1e-3)


def test_the_fit_does_not_change_by_a_bit_when_rows_are_reordered(reference_pairs):
    for name, (_, x, y) in reference_pairs.items():
        order = np.random.default_rng(1).permutation(x.size)
        first, second = fit_logistic(x, y), fit_logistic(x[order], y[order])
        assert first.plcc == second.plcc, name
        assert first.params == second.params, name


@pytest.mark.parametrize("n", range(2, 13))
def test_below_ten_rows_the_map_is_undefined_with_a_reason(n):
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=n), rng.normal(size=n)
    fit = fit_logistic(x, y)
    if n < 10:
        assert math.isnan(fit.plcc)
        assert math.isnan(scoring.plcc(x, y))
        assert fit.status == "too-few-rows"
        assert f"n = {n}" in fit.reason
        with pytest.raises(ValueError, match="undefined"):
            fit.predict(x)
    else:
        assert fit.reason == ""
        assert abs(scoring.pearson(x, y)) - 1e-12 <= abs(fit.plcc) <= 1


def test_constant_samples_are_undefined_with_a_reason_and_without_nan_in_json():
    varied = np.arange(20.0)
    for x, y, status in [
        (np.full(20, 3.0), varied, "constant-predictions"),
        (np.full(20, 1e9) + 1e-5 * (varied % 2), varied, "constant-predictions"),
        (varied, np.full(20, 3.0), "constant-mos"),
    ]:
        fit = fit_logistic(x, y)
        assert math.isnan(fit.plcc)
        assert fit.status == status
        assert fit.reason
        assert json.loads(json.dumps(fit.to_dict(), allow_nan=False))["params"] is None


def test_exact_lines_and_exact_logistics_are_recovered():
    x = np.linspace(-3, 3, 200)
    line = fit_logistic(x, 2 * x + 1)
    assert line.plcc == pytest.approx(1.0, abs=1e-12)
    assert line.status == "linear"
    curve = eq4(x, 3.0, 2.0, 0.4, 0.1, 2.5)
    fit = fit_logistic(x, curve)
    assert fit.plcc == pytest.approx(1.0, abs=1e-9)
    assert fit.params == pytest.approx((3.0, 2.0, 0.4, 0.1, 2.5), rel=1e-4)


@pytest.mark.parametrize("levels", [2, 3])
def test_a_few_distinct_predictions_fit_the_group_means(levels):
    rng = np.random.default_rng(levels)
    x = rng.integers(0, levels, 300).astype(float)
    y = np.array([0.3, 0.6, 2.2])[x.astype(int)] + rng.normal(0, 0.2, 300)
    means = np.array([y[x == value].mean() for value in x])
    assert scoring.plcc(x, y) == pytest.approx(np.corrcoef(means, y)[0, 1], abs=2e-5)


def test_no_sample_is_worse_than_scipy_from_a_good_start(sample):
    x, y = sample
    start = [np.ptp(y), 1 / x.std(), x.mean(), 0.0, y.mean()]
    try:
        best, _ = curve_fit(eq4, x, y, p0=start, maxfev=20000)
    except (RuntimeError, OptimizeWarning):
        pytest.fail("this sample is meant to be easy for curve_fit")
    assert scoring.plcc(x, y) >= np.corrcoef(eq4(x, *best), y)[0, 1] - 1e-9


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="finite"):
        fit_logistic([1.0] * 10, [math.nan] * 10)
    with pytest.raises(ValueError, match="unknown form"):
        fit_logistic([1.0], [1.0], form="cubic")
