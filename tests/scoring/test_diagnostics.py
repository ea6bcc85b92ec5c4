"""diagnose: every number against its definition, the same bits everywhere, nothing where there is no map."""

import json
import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scoring
from scoring.residuals import round_step
from tests.scoring.test_portable import PROCESSORS, run_on, triples

DIAGNOSE = """
import json, sys
import numpy as np
import scoring

results = []
for x, _, mos in json.load(sys.stdin)[::3]:
    names = [f"{i:05d}" for i in range(len(mos))]
    key = scoring.AnswerKey(tuple(names), np.array(mos), {"half": ["ab"[i % 2] for i in range(len(mos))]})
    one = scoring.evaluate(dict(zip(names, x)), key, bootstrap=0)
    results.append(scoring.diagnose(one, key, resamples=4).to_dict())
print(json.dumps(results))
"""


def case(x, y, labels=None):
    """(evaluation, answer key) of these rows, named by their numbers."""
    names = tuple(f"img_{i:05d}.png" for i in range(len(x)))
    key = scoring.AnswerKey(names, np.array(y, dtype=float), {"generator": list(labels)} if labels is not None else {})
    return scoring.evaluate(dict(zip(names, map(float, x), strict=True)), key, bootstrap=0), key


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(7)
    y = rng.uniform(0, 5, 400)
    x = y + rng.normal(0, 0.7, 400)
    evaluation, key = case(x, y, ["abc"[i % 3] for i in range(x.size)])
    return evaluation, scoring.diagnose(evaluation, key)


def test_points_are_the_images_with_their_residuals(found):
    evaluation, diagnostics = found
    points = diagnostics.residuals.points
    assert points.names == evaluation.names
    assert (points.prediction == evaluation.predictions).all()
    assert (points.mos == evaluation.mos).all()
    assert (points.residual == evaluation.mos - evaluation.fit.predict(evaluation.predictions)).all()
    assert math.sqrt(np.mean(points.residual**2)) == pytest.approx(evaluation.rmse)


def test_the_worst_images_are_those_with_the_largest_residuals(found):
    evaluation, diagnostics = found
    residual = evaluation.mos - evaluation.fit.predict(evaluation.predictions)
    misses = diagnostics.residuals.misses
    assert [abs(miss.residual) for miss in misses] == sorted(np.abs(residual).tolist(), reverse=True)[:20]
    for miss in misses:
        row = evaluation.names.index(miss.name)
        assert (miss.prediction, miss.mos, miss.residual) == (
            evaluation.predictions[row],
            evaluation.mos[row],
            residual[row],
        )
        assert miss.mapped == pytest.approx(miss.mos - miss.residual)
        assert miss.labels == {"generator": "abc"[row % 3]}


def test_misplaced_images_have_the_largest_differences_of_places():
    evaluation, key = case([1, 2, 3, 4, 5, 5], [0.9, 2, 3, 4, 1, 5])
    misplaced = scoring.diagnose(evaluation, key, worst=2).misplaced
    # By MOS img 4 is second to last; by prediction it shares the first two places.
    assert (misplaced[0].name, misplaced[0].prediction_place, misplaced[0].mos_place) == ("img_00004.png", 1.5, 5.0)
    assert misplaced[0].difference == 3.5
    assert (misplaced[1].name, misplaced[1].difference) == ("img_00001.png", -1.0)


def test_ranges_are_fifths_of_the_mos(found):
    evaluation, diagnostics = found
    x, y = evaluation.predictions, evaluation.mos
    ranges = diagnostics.ranges
    assert sum(one.n for one in ranges) == evaluation.n
    assert ranges[0].low == y.min()
    assert ranges[-1].high == y.max()
    for one in ranges:
        rows = (y >= one.low) & (y <= one.high)
        residual = y[rows] - evaluation.fit.predict(x[rows])
        assert one.n == rows.sum()
        assert (one.srocc, one.krocc) == (scoring.srocc(x[rows], y[rows]), scoring.krocc(x[rows], y[rows]))
        assert one.bias == pytest.approx(residual.mean())
        assert one.rmse == pytest.approx(math.sqrt(np.mean(residual**2)))
        assert one.interval[0] < one.srocc < one.interval[1]
    assert all(one.n == evaluation.n / 5 for one in ranges[1:4])
    assert all(one.srocc < evaluation.srocc for one in ranges)


def test_intervals_of_ranges_are_those_of_a_subset_of_the_same_rows(found):
    """So that whiskers of ranges and of labels mean the same."""
    evaluation, diagnostics = found
    second = diagnostics.ranges[1]
    label = {
        name: "in" if second.low <= mos <= second.high else ""
        for name, mos in zip(evaluation.names, evaluation.mos, strict=True)
    }
    predictions, key = (dict(zip(evaluation.names, v, strict=True)) for v in (evaluation.predictions, evaluation.mos))
    subset = scoring.evaluate(predictions, key, {"range": label}).subsets["range"]["in"]
    assert subset["intervals"]["srocc"] == second.interval


def test_equal_mos_share_a_range():
    evaluation, key = case(range(40), [1] * 5 + [2] * 30 + [3] * 5)
    ranges = scoring.diagnose(evaluation, key, resamples=0).ranges
    assert [(one.low, one.high, one.n) for one in ranges] == [(1, 1, 5), (2, 2, 30), (3, 3, 5)]
    assert [(one.srocc, one.interval) for one in ranges] == [(None, None)] * 3


def test_the_histogram_counts_every_image_once_between_round_edges(found):
    evaluation, diagnostics = found
    edges, counts = diagnostics.residuals.histogram
    assert counts.sum() == evaluation.n
    assert 16 <= counts.size <= 42
    assert 0.0 in edges.tolist()
    assert np.diff(edges) == pytest.approx(np.full(counts.size, round_step(float(edges[1] - edges[0]) * 0.99)))


def test_the_running_mean_is_over_a_tenth_and_never_parts_equal_predictions():
    rng = np.random.default_rng(0)
    levels = np.arange(500) % 7
    evaluation, key = case(levels, np.array([1, 5, 2, 6, 3, 7, 4])[levels] + rng.normal(size=500))
    places, means = scoring.diagnose(evaluation, key, resamples=0).residuals.running_mean
    assert places.tolist() == [0, 1, 2, 3, 4, 5, 6]
    residual = evaluation.mos - evaluation.fit.predict(evaluation.predictions)
    expected = [residual[evaluation.predictions == level].mean() for level in places]
    assert means == pytest.approx(expected)
    assert np.abs(means).max() > 0.5


def test_the_running_mean_shows_where_a_map_misses():
    """A dip that no logistic can follow."""
    x = np.linspace(0, 10, 1000)
    evaluation, key = case(x, x - 3 * np.exp(-((x - 5) ** 2)))
    places, means = scoring.diagnose(evaluation, key, resamples=0).residuals.running_mean
    assert abs(places[np.argmin(means)] - 5) < 0.5
    assert means.min() < -0.8


# --- the curve and its band -------------------------------------------------------------------------------------------


def test_the_curve_is_the_map_from_the_smallest_to_the_largest_prediction(found):
    evaluation, diagnostics = found
    curve = diagnostics.residuals.curve
    assert curve.prediction[0] == evaluation.predictions.min()
    assert curve.prediction[-1] == evaluation.predictions.max()
    assert (np.diff(curve.prediction) > 0).all()
    assert (curve.mos == evaluation.fit.predict(curve.prediction)).all()


def test_one_far_off_prediction_does_not_leave_the_others_without_a_curve(sample):
    x, y = sample
    evaluation, key = case([*x, 1e6], [*y, 5.0])
    curve = scoring.diagnose(evaluation, key, resamples=0).residuals.curve
    assert (curve.prediction <= x.max()).sum() > 60


@given(st.integers(0, 2**32), st.sampled_from([12, 40, 90]), st.sampled_from(["noise", "step", "levels", "exp"]))
@settings(max_examples=12)
def test_the_band_contains_the_curve(seed, n, shape):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    x = {"noise": x, "step": x, "levels": np.round(x), "exp": np.exp(3 * x)}[shape]
    y = rng.normal(size=n) + {"noise": 0, "step": 4 * (x > 0), "levels": x, "exp": np.log(np.abs(x) + 1)}[shape]
    evaluation, key = case(x, y)
    curve = scoring.diagnose(evaluation, key, resamples=10).residuals.curve
    if curve.low is not None:
        assert (curve.low <= curve.mos).all()
        assert (curve.mos <= curve.high).all()


def test_the_band_is_narrower_with_more_images_and_none_without_resamples(found, sample):
    _, few = found
    x, y = sample
    rng = np.random.default_rng(1)
    many, key = case(np.repeat(x, 4) + rng.normal(0, 0.1, 1600), np.repeat(y, 4) + rng.normal(0, 0.1, 1600))
    widths = [
        np.median(curve.high - curve.low)
        for curve in (few.residuals.curve, scoring.diagnose(many, key, resamples=30).residuals.curve)
    ]
    assert widths[1] < 0.7 * widths[0]
    without = scoring.diagnose(many, key, resamples=0).residuals.curve
    assert (without.low, without.high) == (None, None)


@pytest.mark.slow
def test_the_band_holds_the_true_curve_as_often_as_it_says():
    inside = []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        x = rng.normal(0, 1.2, 300)
        evaluation, key = case(x, 2.5 + 2 * np.tanh(1.2 * (x - 0.3)) + 0.1 * x + rng.normal(0, 0.5, 300))
        curve = scoring.diagnose(evaluation, key).residuals.curve
        truth = 2.5 + 2 * np.tanh(1.2 * (curve.prediction - 0.3)) + 0.1 * curve.prediction
        inside.append(np.mean((curve.low <= truth) & (truth <= curve.high)))
    assert 0.86 <= np.mean(inside) <= 0.99


# --- many images ------------------------------------------------------------------------------------------------------


def test_of_many_images_the_same_ones_are_drawn_for_every_submission_and_the_worst_always():
    rng = np.random.default_rng(2)
    y = rng.normal(size=3000)
    drawn = []
    for noise in (0.3, 1.0):
        evaluation, key = case(y + noise * rng.normal(size=3000), y)
        found = scoring.diagnose(evaluation, key, points=500, resamples=0)
        names = set(found.residuals.points.names)
        worst = {one.name for one in (*found.residuals.misses, *found.misplaced)}
        assert worst <= names
        assert 500 <= len(names) <= 540
        assert list(found.residuals.points.names) == sorted(names)
        assert found.n == 3000
        drawn.append(names - worst)
    assert len(drawn[0] & drawn[1]) > 480


# --- bits, order, JSON ------------------------------------------------------------------------------------------------


def test_the_order_of_rows_does_not_matter(found):
    evaluation, diagnostics = found
    order = np.random.default_rng(3).permutation(evaluation.n)
    names = [evaluation.names[i] for i in order]
    key = scoring.AnswerKey(tuple(names), evaluation.mos[order], {"generator": ["abc"[i % 3] for i in order]})
    again = scoring.evaluate(dict(zip(names, evaluation.predictions[order], strict=True)), key, bootstrap=0)
    assert scoring.diagnose(again, key).to_dict() == diagnostics.to_dict()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the switches are those of numpy and OpenBLAS on x86-64 Linux")
def test_every_processor_gives_the_same_bits():
    given_pairs = triples()
    here = json.loads(run_on({}, DIAGNOSE, given_pairs))
    for name, processor in PROCESSORS.items():
        assert json.loads(run_on(processor, DIAGNOSE, given_pairs)) == here, name


def test_the_dictionary_is_json_with_numbers_rounded_to_the_axis(found):
    _, diagnostics = found
    result = diagnostics.to_dict()
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    points = result["residuals"]["points"]
    assert points["prediction"] == [round(x, 5) for x in diagnostics.residuals.points.prediction.tolist()]
    assert len(json.dumps(points)) < 400 * 60


@pytest.mark.parametrize("offset", [1e6, 1e-6])
def test_rounding_keeps_what_can_be_seen_at_any_scale(sample, offset):
    x, y = sample
    evaluation, key = case(x * offset + 1e6 * offset, y)
    points = scoring.diagnose(evaluation, key, resamples=0).to_dict()["residuals"]["points"]
    spread = np.ptp(evaluation.predictions)
    assert np.abs(np.array(points["prediction"]) - evaluation.predictions).max() < 1e-5 * spread


# --- nothing to diagnose ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([3.0] * 12, range(12), "all predictions are the same"),
        (range(12), [3.0] * 12, "all MOS are the same"),
        (range(5), range(5), "at least 10 rows"),
        ([(-1) ** i * 1.7e308 for i in range(12)], range(12), "span more than a number can hold"),
    ],
)
def test_without_a_map_there_is_a_reason_and_what_needs_none(x, y, reason):
    evaluation, key = case(x, y)
    found = scoring.diagnose(evaluation, key)
    assert found.residuals is None
    assert reason in found.reason
    assert len(found.ranges) > 0
    result = found.to_dict()
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_another_key_is_refused(found):
    evaluation, _ = found
    with pytest.raises(ValueError, match="other images"):
        scoring.diagnose(evaluation, {"a": 1.0, "b": 2.0})


@given(st.floats(1e-300, 1e300))
def test_round_steps_are_the_next_of_1_2_5(least):
    step = round_step(least)
    assert least * (1 - 1e-12) <= step <= least * 2.5 * (1 + 1e-12)
    assert f"{step:e}"[0] in "125"
