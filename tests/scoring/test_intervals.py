"""Bootstrap intervals: every draw equals the measure on the repeated rows; resamples are shared and reproducible."""

import numpy as np
import pytest
import scipy.stats

from scoring import Formula, evaluate, fit_logistic
from scoring.intervals import bootstrap_draws, intervals_of, multiplicities

FORMULA = Formula("(srocc + plcc) / 2")


def bootstrap_intervals(x, y, *args, **kwargs):
    return intervals_of(bootstrap_draws(x, y, *args, **kwargs))


def draws(x, y, **kwargs):
    return bootstrap_draws(x, y, fit_logistic(x, y), fit_logistic(x, y, form="logistic4"), FORMULA, **kwargs)


@pytest.mark.parametrize(("n", "levels"), [(12, 4), (50, 6), (50, 10**9), (257, 30)])
def test_each_draw_equals_scipy_on_the_repeated_rows(n, levels):
    rng = np.random.default_rng(n)
    x = rng.integers(0, levels, n).astype(float)
    y = x + rng.integers(0, levels, n)
    fit = fit_logistic(x, y)
    found = draws(x, y, resamples=30, seed=5)
    weights = np.concatenate(list(multiplicities(n, 30, 5)), axis=1).astype(int)
    for b in range(30):
        i = np.repeat(np.arange(n), weights[:, b])
        assert found["srocc"][b] == pytest.approx(scipy.stats.spearmanr(x[i], y[i])[0], abs=1e-12)
        assert found["krocc"][b] == pytest.approx(scipy.stats.kendalltau(x[i], y[i])[0], abs=1e-12)
        assert found["pearson"][b] == pytest.approx(np.corrcoef(x[i], y[i])[0, 1], abs=1e-9)
        mapped = fit.predict(x[i])
        assert found["plcc"][b] == pytest.approx(fit.direction * np.corrcoef(mapped, y[i])[0, 1], abs=1e-9)
        assert found["rmse"][b] == pytest.approx(np.sqrt(np.mean((mapped - y[i]) ** 2)), rel=1e-9)
        assert found["main"][b] == pytest.approx((found["srocc"][b] + found["plcc"][b]) / 2, abs=1e-12)


def test_resamples_depend_on_n_and_seed_alone(monkeypatch):
    whole = np.concatenate(list(multiplicities(40, 100, 1)), axis=1)
    assert (whole.sum(axis=0) == 40).all()
    monkeypatch.setattr("scoring.intervals._SLAB", 40 * 9)
    assert (np.concatenate(list(multiplicities(40, 100, 1)), axis=1) == whole).all()
    assert (np.concatenate(list(multiplicities(40, 30, 1)), axis=1) == whole[:, :30]).all()
    assert (np.concatenate(list(multiplicities(40, 100, 2)), axis=1) != whole).any()


def test_intervals_hold_the_estimate_and_have_the_width_theory_gives(sample):
    x, y = sample
    fit = fit_logistic(x, y)
    intervals = bootstrap_intervals(x, y, fit, None, FORMULA, resamples=2000)
    low, high = intervals["srocc"]
    estimate = scipy.stats.spearmanr(x, y)[0]
    # Bonett and Wright (2000): half width on Fisher's scale.
    half = 1.96 * np.sqrt((1 + estimate**2 / 2) / (x.size - 3))
    expected = np.tanh(np.arctanh(estimate) + half) - np.tanh(np.arctanh(estimate) - half)
    assert low < estimate < high
    assert high - low == pytest.approx(expected, rel=0.2)
    assert "plcc_logistic4" not in intervals


def test_undefined_metrics_have_no_interval():
    x = np.arange(8.0)
    assert set(draws(x, x[::-1] + np.sin(x), resamples=20)) == {"srocc", "krocc", "pearson"}
    assert draws(np.ones(20), np.arange(20.0)) == {}
    spike = np.zeros(30)
    spike[3] = 1.0  # absent from a third of the resamples, which are then constant
    assert bootstrap_intervals(spike, np.arange(30.0), fit_logistic(spike, np.arange(30.0)), None, FORMULA) == {
        "rmse": bootstrap_intervals(spike, np.arange(30.0), fit_logistic(spike, np.arange(30.0)), None, FORMULA)["rmse"]
    }


def test_intervals_do_not_depend_on_the_order_of_rows_and_are_reproducible(sample):
    x, y = sample
    names = [f"{i:03d}" for i in range(x.size)]
    order = np.random.default_rng(0).permutation(x.size)
    key = dict(zip(names, y, strict=True))
    first = evaluate(dict(zip(names, x, strict=True)), key, bootstrap=100, seed=4)
    second = evaluate({names[i]: x[i] for i in order}, {names[i]: y[i] for i in order[::-1]}, bootstrap=100, seed=4)
    other = evaluate(dict(zip(names, x, strict=True)), key, bootstrap=100, seed=5)
    assert first.intervals == second.intervals
    assert first.intervals != other.intervals
    assert set(first.intervals) == {"main", "srocc", "krocc", "plcc", "pearson", "plcc_logistic4", "rmse"}


def test_a_subset_has_the_intervals_of_its_own_rows(sample):
    x, y = sample
    names = [f"{i:03d}" for i in range(x.size)]
    half = {name: "ab"[i % 2] for i, name in enumerate(names)}
    predictions, key = (dict(zip(names, values, strict=True)) for values in (x, y))
    whole = evaluate(predictions, key, subsets={"half": half}, bootstrap=50)
    chosen = [name for name in names if half[name] == "b"]
    alone = evaluate({name: predictions[name] for name in chosen}, {name: key[name] for name in chosen}, bootstrap=50)
    shown = whole.subsets["half"]["b"]
    assert shown["intervals"] == {name: alone.intervals[name] for name in ("main", "srocc", "krocc", "plcc", "rmse")}
    assert shown["srocc"] == alone.srocc
    assert evaluate(predictions, key, subsets={"half": half}, bootstrap=0).subsets["half"]["b"]["intervals"] == {}


def test_the_draws_of_the_main_score_are_what_its_interval_is_made_of(sample):
    x, y = sample
    predictions, key = ({f"{i:03d}": value for i, value in enumerate(values)} for values in (x, y))
    one = evaluate(predictions, key, bootstrap=200)
    assert one.draws.shape == (200,)
    assert one.intervals["main"] == pytest.approx(np.quantile(one.draws, [0.025, 0.975]))
    assert evaluate(predictions, key, bootstrap=0).draws.size == 0


def test_holding_the_map_fixed_moves_plcc_by_a_ten_thousandth():
    n, resamples = 4000, 60
    rng = np.random.default_rng(0)
    y = rng.normal(size=n)
    x = np.tanh(y + rng.normal(0, 0.7, n))
    held = draws(x, y, resamples=resamples, seed=1)["plcc"]
    weights = np.concatenate(list(multiplicities(n, resamples, 1)), axis=1).astype(int)
    again = [fit_logistic(*(np.repeat(v, weights[:, b]) for v in (x, y))).plcc for b in range(resamples)]
    assert np.min(again - held) > -1e-6  # fitting anew can only gain
    assert np.mean(again - held) < 3e-4


@pytest.mark.parametrize("shape", ["plain", "exponential", "rounded"])
def test_refitted_draws_are_fits_of_the_repeated_rows(sample, shape):
    x, y = sample
    x = {"plain": x, "exponential": np.exp(x), "rounded": np.round(x)}[shape]
    found = draws(x, y, resamples=12, seed=2, refit=True)
    held = draws(x, y, resamples=12, seed=2)
    weights = np.concatenate(list(multiplicities(x.size, 12, 2)), axis=1).astype(int)
    for b in range(12):
        i = np.repeat(np.arange(x.size), weights[:, b])
        anew = fit_logistic(x[i], y[i])
        # A descent from the optimum on all rows lies between that map and the best of a new search.
        assert anew.plcc - 0.015 <= found["plcc"][b] <= anew.plcc + 1e-9
        assert found["plcc"][b] >= held["plcc"][b] - 1e-9
        assert found["rmse"][b] <= held["rmse"][b] + 1e-9
        four = fit_logistic(x[i], y[i], form="logistic4")
        assert four.plcc - 0.015 <= found["plcc_logistic4"][b] <= four.plcc + 1e-9
    assert (found["srocc"] == held["srocc"]).all()
    assert found["main"] == pytest.approx((found["srocc"] + found["plcc"]) / 2)


def test_refitting_widens_nothing_by_much_and_is_an_option(sample):
    x, y = sample
    predictions, key = ({f"{i:03d}": value for i, value in enumerate(values)} for values in (x, y))
    held = evaluate(predictions, key, bootstrap=100)
    anew = evaluate(predictions, key, bootstrap=100, refit=True)
    assert anew.intervals["srocc"] == held.intervals["srocc"]
    assert anew.intervals["plcc"] != held.intervals["plcc"]
    assert anew.intervals["plcc"] == pytest.approx(held.intervals["plcc"], abs=0.01)


def test_a_resample_that_is_constant_has_no_refit():
    spike = np.zeros(30)
    spike[3] = 1.0  # absent from a third of the resamples
    found = draws(spike, np.arange(30.0), resamples=30, refit=True)
    assert np.isnan(found["plcc"]).any()
    assert np.isfinite(found["plcc"]).any()
