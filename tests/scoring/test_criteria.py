"""Further criteria: errors after ITU-T P.1401, and all of them on an evaluation, in formulas and in subsets."""

import csv
import json
import math

import numpy as np
import pytest
import scipy.stats

import scoring
from scoring import AnswerKey, evaluate
from scoring.criteria import confidence_half_widths, outlier_ratio, rmse_after_mapping, rmse_star
from scoring.formula import CRITERIA
from scoring.krasula import roc_analysis
from scoring.pairwise import all_pairs_accuracy
from tests.reference import shared


@pytest.fixture
def study(sample):
    """(predictions, key with standard deviations, 21 or 24 ratings and groups of four) of the 400 synthetic images."""
    x, y = sample
    rng = np.random.default_rng(1)
    names = tuple(f"img_{i:03d}.png" for i in range(x.size))
    key = AnswerKey(
        names,
        y,
        {"half": ["ab"[i % 2] for i in range(x.size)]},
        mos_std=rng.uniform(0.4, 1.6, x.size),
        n_ratings=np.where(np.arange(x.size) % 3 == 0, 21.0, 24.0),
        pair_group=["" if i < 8 else f"prompt {i // 4}" for i in range(x.size)],
    )
    return dict(zip(names, x.tolist(), strict=True)), key


def test_confidence_intervals_are_those_of_student():
    std, n = np.array([1.0, 0.5, 2.0, 1.0]), np.array([2.0, 21.0, 30.0, 400.0])
    expected = scipy.stats.t.ppf(0.975, n - 1) * std / np.sqrt(n)
    assert confidence_half_widths(std, n) == pytest.approx(expected, rel=1e-9)
    with pytest.raises(ValueError, match="two ratings"):
        confidence_half_widths([1.0], [1.0])


def test_errors_worked_by_hand():
    errors, widths = [0.5, -1.0, 0.2, 0.0, 2.0, -0.1], [0.5, 0.4, 0.3, 0.1, 0.5, 0.1]
    # Squares 0.25 + 1 + 0.04 + 0 + 4 + 0.01 = 5.3; beyond CI95 0.6 and 1.5: 0.36 + 2.25 = 2.61. N - d = 2.
    assert rmse_after_mapping(errors, 4) == pytest.approx(math.sqrt(5.3 / 2))
    assert rmse_star(errors, widths, 4) == pytest.approx(math.sqrt(2.61 / 2))
    assert outlier_ratio(errors, widths) == 2 / 6
    assert rmse_star(errors, np.zeros(6), 4) == rmse_after_mapping(errors, 4)
    assert math.isnan(rmse_after_mapping(errors, 6))
    assert math.isnan(outlier_ratio([], []))
    assert rmse_after_mapping(np.full(10, 1e300)) == pytest.approx(1e300 * math.sqrt(2))


def test_every_criterion_is_computed_on_the_aligned_rows(study):
    predictions, key = study
    shuffled = {name: predictions[name] for name in reversed(predictions)}
    result = evaluate(shuffled, key, bootstrap=0, criteria=True)
    found = result.criteria
    errors = result.mos - result.fit.predict(result.predictions)
    widths = confidence_half_widths(key.mos_std, key.n_ratings)
    roc = roc_analysis(result.predictions, result.mos, key.mos_std, key.n_ratings)
    assert list(found)[: len(CRITERIA)] == list(CRITERIA)
    assert found["rmse_p1401"] == pytest.approx(result.rmse * math.sqrt(400 / 395), rel=1e-9)
    assert found["rmse_star"] == rmse_star(errors, widths)
    assert found["outlier_ratio"] == outlier_ratio(errors, widths)
    assert (found["auc_ds"], found["auc_bw"], found["cc_0"]) == (roc.auc_ds, roc.auc_bw, roc.cc_0)
    assert (found["pairs_different"], found["pairs_similar"]) == (roc.different, roc.similar)
    assert found["threshold_95"] == roc.threshold_95
    assert found["pair_accuracy"] == all_pairs_accuracy(result.predictions, result.mos)
    groups = [-1 if i < 8 else i // 4 for i in range(400)]
    assert found["pair_accuracy_within"] == all_pairs_accuracy(result.predictions, result.mos, groups)
    assert 0 < found["rmse_star"] < found["rmse_p1401"]
    assert 0.5 < found["pair_accuracy_within"] < found["auc_bw"] < 1


def test_criteria_move_no_other_number_and_are_there_only_when_asked_for(study):
    predictions, key = study
    bare = AnswerKey(key.names, key.mos, key.subsets)
    plain = evaluate(predictions, bare, bootstrap=20).to_dict()
    assert "criteria" not in plain
    assert evaluate(predictions, key, bootstrap=20).to_dict() == plain
    shown = evaluate(predictions, key, bootstrap=20, criteria=True).to_dict()
    assert json.loads(json.dumps(shown.pop("criteria"), allow_nan=False)).keys() >= set(CRITERIA)
    assert shown == plain


def test_what_the_key_lacks_is_null_with_a_reason(study):
    predictions, key = study
    bare = evaluate(predictions, AnswerKey(key.names, key.mos), bootstrap=0, criteria=True)
    lacking = {"rmse_star", "outlier_ratio", "auc_ds", "auc_bw", "cc_0", "pair_accuracy_within"}
    assert {name for name, value in bare.criteria.items() if value is None} == lacking == set(bare.reasons)
    assert bare.reasons["auc_ds"] == "the answer key has no column mos_std and no column n_ratings"
    assert bare.reasons["pair_accuracy_within"] == "the answer key has no column pair_group"
    once = AnswerKey(key.names, key.mos, mos_std=key.mos_std, n_ratings=np.where(np.arange(400) == 7, 1.0, 20.0))
    result = evaluate(predictions, once, bootstrap=0, criteria=True)
    assert result.reasons["rmse_star"] == "an image has fewer than 2 ratings"
    assert result.criteria["auc_bw"] is not None


@pytest.mark.parametrize("what", ["predictions", "mos", "few"])
def test_degenerate_rows_have_reasons_and_no_nan(study, what):
    predictions, key = study
    names, y = key.names, key.mos
    if what == "few":
        names = names[:5]
    key = AnswerKey(names, y[: len(names)] if what != "mos" else np.full(400, 2.0), mos_std=np.ones(len(names)))
    scores = {name: 1.0 if what == "predictions" else predictions[name] for name in names}
    shown = evaluate(scores, key, bootstrap=0, criteria=True).to_dict()
    json.dumps(shown, allow_nan=False)
    assert all((shown["criteria"][name] is None) == (name in shown["reasons"]) for name in CRITERIA)
    assert shown["criteria"]["rmse_p1401"] is None
    assert (shown["criteria"]["pair_accuracy"] is None) == (what != "few")


def test_keys_without_pairs_of_a_kind_have_reasons(study):
    predictions, key = study
    n = np.full(400, 20.0)
    for std, names, says in [
        (np.full(400, 1e6), {"auc_ds", "auc_bw", "cc_0"}, "no two MOS differ"),
        (np.zeros(400), {"auc_ds"}, "all pairs of MOS differ"),
    ]:
        mos = key.mos + np.arange(400) * 1e-9
        lone = AnswerKey(key.names, mos, mos_std=std, n_ratings=n, pair_group=[str(i) for i in range(400)])
        result = evaluate(predictions, lone, bootstrap=0, criteria=True)
        assert {name for name, reason in result.reasons.items() if says in reason} == names
        assert "no two images of a pair_group" in result.reasons["pair_accuracy_within"]


def test_a_formula_over_criteria_computes_them_also_in_subsets(study):
    predictions, key = study
    result = evaluate(predictions, key, bootstrap=50, formula="0.5 * srocc + 0.5 * cc_0 - outlier_ratio")
    used = result.criteria
    assert set(used) == {"cc_0", "outlier_ratio", "pairs_different", "pairs_similar", "threshold_95"}
    assert result.main == pytest.approx(0.5 * result.srocc + 0.5 * used["cc_0"] - used["outlier_ratio"], abs=1e-12)
    assert "main" not in result.intervals
    assert {"srocc", "plcc"} <= set(result.intervals)
    assert result.reasons == {"intervals.main": "cc_0, outlier_ratio: not computed on resamples"}
    inside = np.array(key.subsets["half"]) == "a"
    one = AnswerKey(
        tuple(np.array(key.names)[inside]),
        key.mos[inside],
        mos_std=key.mos_std[inside],
        n_ratings=key.n_ratings[inside],
    )
    alone = evaluate({name: predictions[name] for name in one.names}, one, bootstrap=0, formula=result.formula)
    assert result.subsets["half"]["a"]["main"] == alone.main


def test_a_formula_over_what_the_key_lacks_has_no_value(study):
    predictions, key = study
    result = evaluate(predictions, AnswerKey(key.names, key.mos), bootstrap=0, formula="auc_bw")
    assert result.main is None
    assert result.reasons["main"].startswith("auc_bw undefined: the answer key has no column mos_std")


def test_entries_ranked_by_a_criterion_are_not_compared(study):
    predictions, key = study
    entries = {"one": evaluate(predictions, key, bootstrap=0, formula="pair_accuracy")}
    with pytest.raises(ValueError, match="main uses pair_accuracy, not computed on resamples"):
        scoring.compare(entries, resamples=10)
    assert scoring.compare(entries, resamples=10, metric="srocc").table[0]["name"] == "one"


def test_a_real_study_repeats_itself_within_its_own_confidence_intervals():
    """KonIQ-10k: the mean of each image's other half of ratings predicts its MOS nearly as well as raters agree."""
    with shared("koniq10k-distributions/koniq10k_distributions_sets.csv").open() as stream:
        images = [row for row in csv.DictReader(stream) if row["set"] == "validation"]
    shares = np.array([[float(row[f"c{level}"]) for level in range(1, 6)] for row in images])
    n = np.array([float(row["c_total"]) for row in images])
    counts = np.rint(shares * n[:, None]).astype(int)
    rng = np.random.default_rng(0)
    half = np.array([rng.multivariate_hypergeometric(row, row.sum() // 2) for row in counts])
    levels = np.arange(1.0, 6.0)

    def summary(table):
        total = table.sum(axis=1)
        mean = table @ levels / total
        return mean, np.sqrt((table @ levels**2 - total * mean**2) / (total - 1)), total.astype(float)

    mos, std, total = summary(counts - half)
    key = AnswerKey(tuple(row["image_name"] for row in images), mos, mos_std=std, n_ratings=total)
    other, _, _ = summary(half)
    result = evaluate(dict(zip(key.names, other.tolist(), strict=True)), key, bootstrap=0, criteria=True)
    # The two means have equal variance: the error is sqrt(2) standard errors, and |z| > 1.96 / sqrt(2) in 16.6 %.
    assert result.criteria["outlier_ratio"] == pytest.approx(0.166, abs=0.04)
    assert result.criteria["rmse_star"] < 0.3 * result.criteria["rmse_p1401"]
    assert result.criteria["auc_bw"] > 0.999
    assert result.criteria["cc_0"] > 0.99
