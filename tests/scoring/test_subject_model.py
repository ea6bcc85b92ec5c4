"""Bias removal and the maximum likelihood model against the demonstration of BT.500-15 and sureal."""

import json

import numpy as np
import pytest

import scoring
from scoring.opinion_scores import standardise
from scoring.screening import screen
from scoring.subject_model import fit_subject_model, remove_bias
from tests.reference import shared
from tests.scoring.studies import bt500_demo, nflx, random_matrix, ratings_of, rows_of


@pytest.fixture(scope="module")
def expected():
    return json.loads(shared("sureal-nflx/expected_sureal.json").read_text())


def test_the_demonstration_of_bt500_is_reproduced():
    model = fit_subject_model(ratings_of(bt500_demo()))
    published = json.loads(shared("sureal-nflx/bt500_expected.json").read_text())
    for name, found in (
        ("bias_i", model.bias),
        ("inconsistency_i", model.inconsistency),
        ("mos_j", model.quality),
        ("sos_j", model.standard_error),
    ):
        assert found == pytest.approx(published[name], abs=1e-12)
    assert model.iterations == 16
    assert model.warnings == ()


@pytest.mark.parametrize("name", ["nflx_public_raw.csv", "nflx_public_raw_last4outliers.csv"])
def test_the_fit_is_that_of_sureal(expected, name):
    model = fit_subject_model(ratings_of(nflx(outliers="outliers" in name)))
    for solver, tolerance in (("Subject_MLE_Projection", 1e-12), ("MLE_CO", 1e-7)):
        published = expected[name][solver]
        assert model.quality.mean() == pytest.approx(published["mean"], abs=tolerance)
        assert model.quality.var() == pytest.approx(published["var"], abs=tolerance)
        assert model.quality[:3] == pytest.approx(published["first3"], abs=tolerance)
        assert model.bias.var() == pytest.approx(published["observer_bias_var"], abs=tolerance)
        assert model.inconsistency.sum() == pytest.approx(published["observer_inconsistency_sum"], abs=tolerance)
        assert model.inconsistency.var() == pytest.approx(published["observer_inconsistency_var"], abs=tolerance)


@pytest.mark.parametrize("name", ["nflx_public_raw.csv", "nflx_public_raw_last4outliers.csv"])
def test_every_simpler_model_is_that_of_sureal(expected, name):
    published = expected[name]
    ratings = ratings_of(nflx(outliers="outliers" in name))
    raw, z = ratings.cells(), standardise(ratings, "none").z
    unbiased, bias = remove_bias(raw)
    assert bias.var() == pytest.approx(published["BR_MOS"]["observer_bias_var"], abs=1e-12)
    assert bias.mean() == pytest.approx(0, abs=1e-12)
    cases = {
        "MOS": (raw, "none"),
        "SR_MOS": (raw, "bt500"),
        "SR_MOS_PCC": (raw, "sureal_pcc"),
        "SR_MOS_SRCC": (raw, "sureal_srcc"),
        "ZS_MOS": (z, "none"),
        "ZS_SR_MOS": (z, "bt500"),
        "BR_MOS": (unbiased, "none"),
        "BR_SR_MOS": (unbiased, "bt500"),
    }
    for model, (cells, rule) in cases.items():
        means = means_after(cells, rule)
        assert sorted(screen(cells, rule).reasons) == published[model]["rejected"], model
        assert means.mean() == pytest.approx(published[model]["mean"], abs=1e-12), model
        assert means.var() == pytest.approx(published[model]["var"], abs=1e-12), model
        assert means[:3] == pytest.approx(published[model]["first3"], abs=1e-12), model


def means_after(cells, rule):
    kept = np.ones(cells.subjects, dtype=np.bool_)
    kept[list(screen(cells, rule).reasons)] = False
    return cells.of(kept).image_means()


def test_shuffled_subjects_give_the_values_of_sureals_own_tests():
    matrix = nflx()
    with shared("sureal-nflx/nflx_public_raw.csv").open() as stream:
        assets = [int(line.split(",")[0]) for line in stream.readlines()[1:]]
    matrix = matrix[np.argsort(assets)]
    generator = np.random.RandomState(0)
    for subject in range(5):
        generator.shuffle(matrix[:, subject])
    ratings = ratings_of(matrix)
    raw = ratings.cells()
    assert raw.image_means().mean() == pytest.approx(3.5447906523855899, abs=1e-12)
    assert means_after(raw, "bt500").mean() == pytest.approx(3.5611814345991566, abs=1e-12)
    assert means_after(raw, "bt500").var() == pytest.approx(1.1049505732699529, abs=1e-12)
    for rule in ("sureal_pcc", "sureal_srcc"):
        assert means_after(raw, rule).mean() == pytest.approx(3.5322483423749245, abs=1e-12)
    assert means_after(standardise(ratings, "none").z, "bt500").var() == pytest.approx(0.66670826882879042, abs=1e-12)
    model = fit_subject_model(ratings)
    assert model.quality.var() == pytest.approx(1.3559834679453553, abs=1e-8)  # sureal's by Newton-Raphson
    assert model.inconsistency.mean() == pytest.approx(0.8091663380211014, abs=1e-8)


def test_known_biases_and_inconsistencies_are_found():
    rng = np.random.default_rng(2)
    quality, bias = rng.normal(2.5, 0.4, 1500), np.linspace(-0.5, 0.5, 21)
    noise = np.linspace(0.3, 1.5, 21)
    matrix = quality[:, None] + bias + noise * rng.normal(size=(1500, 21))
    model = scoring.fit_subject_model(rows_of(matrix), scale=(-10, 10))
    assert model.bias == pytest.approx(bias, abs=0.1)
    assert model.inconsistency == pytest.approx(noise, abs=0.08)
    plain = np.abs(matrix.mean(axis=1) - quality).mean()
    assert np.abs(model.quality - quality).mean() < 0.75 * plain
    assert model.warnings == ()


def test_the_order_of_rows_does_not_matter_to_the_bit():
    rows = rows_of(random_matrix(60, 9, missing=0.3))
    one, other = fit_subject_model(rows), fit_subject_model(rows[::-1])
    assert one.quality.tobytes() == other.quality.tobytes()
    assert one.as_mapping() == other.as_mapping()
    assert list(one.as_mapping()) == list(one.images)


def test_a_repeated_rating_counts_as_one_of_its_own():
    rows = rows_of(random_matrix(40, 5))
    twice = fit_subject_model([*rows, *rows], duplicates="average")
    once = fit_subject_model(rows)
    assert twice.quality == pytest.approx(once.quality, abs=1e-7)
    assert twice.standard_error == pytest.approx(once.standard_error / np.sqrt(2), rel=1e-6)


def test_a_subject_who_is_always_right_decides():
    matrix = random_matrix(30, 4)
    matrix[:, 1] = matrix[:, 0]
    model = fit_subject_model(ratings_of(matrix))
    assert np.isfinite(model.quality).all()
    assert model.inconsistency[0] < 0.01
    assert np.corrcoef(model.quality, matrix[:, 0])[0, 1] > 0.9999


def test_a_fit_that_follows_one_subject_alone_says_so():
    rng = np.random.default_rng(2)
    matrix = rng.normal(2.5, 0.4, 1000)[:, None] + np.array([0.1, 0.3, 0.4, 0.5]) * rng.normal(size=(1000, 4))
    model = scoring.fit_subject_model(rows_of(matrix), scale=(-10, 10))
    assert model.warnings == ("the fit follows subject 's00' alone, whose inconsistency went to 0",)
