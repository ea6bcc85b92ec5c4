"""evaluate: alignment by name, the metrics together, subsets, reasons and warnings."""

import json

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring import AnswerKey, InvalidAnswerKey, InvalidPredictions, evaluate


@pytest.fixture
def rows(sample):
    x, y = sample
    names = [f"img_{i:03d}.png" for i in range(x.size)]
    return names, x, y


def csv_text(header, *columns):
    return "\n".join([header, *(",".join(map(str, row)) for row in zip(*columns, strict=True))])


def test_the_numbers_are_those_of_the_single_measures(rows):
    names, x, y = rows
    result = evaluate(dict(zip(names, x, strict=True)), dict(zip(names, y, strict=True)), bootstrap=0)
    assert result.srocc == scoring.srocc(x, y)
    assert result.krocc == scoring.krocc(x, y)
    assert result.pearson == scoring.pearson(x, y)
    assert result.plcc == scoring.fit_logistic(x, y).plcc
    assert result.plcc_logistic4 == scoring.fit_logistic(x, y, form="logistic4").plcc
    assert result.rmse == scoring.fit_logistic(x, y).rmse
    assert result.main == (result.srocc + result.plcc) / 2
    assert (result.n, result.intervals, result.reasons) == (400, {}, {})
    assert result.scorer_version == scoring.SCORER_VERSION
    assert result.fit.predict(result.predictions) == pytest.approx(result.fit.predict(x))


def test_every_kind_of_argument_gives_the_same_to_the_last_bit(rows, tmp_path):
    names, x, y = rows
    group = ["odd" if i % 2 else "even" for i in range(x.size)]
    order = np.random.default_rng(3).permutation(x.size)
    predictions, key = tmp_path / "p.csv", tmp_path / "k.csv"
    predictions.write_text(csv_text("name,score", names, x))
    shuffled = [[values[i] for i in order] for values in (names, y, group)]
    key.write_text(csv_text("name,mos,group", *shuffled))
    frame = pd.DataFrame({"name": names, "score": x}).iloc[order[::-1]]
    key_frame = pd.DataFrame({"name": names, "mos": y, "group": group})
    expected = evaluate(str(predictions), key, bootstrap=50).to_dict()
    variants = [
        (frame, key_frame),
        (dict(zip(names, x, strict=True)), key),
        (pd.Series(x, index=names), AnswerKey(tuple(names), y, {"group": group})),
        (scoring.read_predictions(predictions), scoring.read_answer_key(key)),
        (predictions.read_bytes(), key.read_bytes()),
    ]
    for variant in variants:
        assert evaluate(*variant, bootstrap=50).to_dict() == expected


def test_subsets_score_each_group_by_itself(rows):
    names, x, y = rows
    labels = ["abcd"[i % 3] if i < 390 else "tiny" if i < 395 else "" for i in range(x.size)]
    key = AnswerKey(tuple(names), y, {"kind": labels})
    result = evaluate(dict(zip(names, x, strict=True)), key, bootstrap=0)
    groups = result.subsets["kind"]
    assert list(groups) == ["a", "b", "c", "tiny"]
    inside = np.array(labels) == "b"
    assert groups["b"]["n"] == 130
    assert groups["b"]["srocc"] == scoring.srocc(x[inside], y[inside])
    assert groups["b"]["plcc"] == scoring.plcc(x[inside], y[inside])
    assert groups["b"]["main"] == (groups["b"]["srocc"] + groups["b"]["plcc"]) / 2
    assert groups["b"]["reasons"] == {}
    assert groups["tiny"]["srocc"] is not None
    assert groups["tiny"]["plcc"] is None
    assert groups["tiny"]["main"] is None
    assert "n = 5" in groups["tiny"]["reasons"]["plcc"]


def test_subsets_can_be_chosen_or_given(rows):
    names, x, y = rows
    predictions = dict(zip(names, x, strict=True))
    key = AnswerKey(tuple(names), y, {"one": ["x"] * 400, "two": ["y"] * 400})
    assert list(evaluate(predictions, key, ["two"], bootstrap=0).subsets) == ["two"]
    given = {"half": {name: i < 200 for i, name in enumerate(names)}}
    groups = evaluate(predictions, key, given, bootstrap=0).subsets["half"]
    assert {name: scores["n"] for name, scores in groups.items()} == {"False": 200, "True": 200}
    with pytest.raises(ValueError, match="no column 'three'"):
        evaluate(predictions, key, ["three"], bootstrap=0)


def test_a_column_of_many_values_is_no_category(rows):
    names, x, y = rows
    key = AnswerKey(tuple(names), y, {"seed": [str(i % 51) for i in range(400)]})
    result = evaluate(dict(zip(names, x, strict=True)), key, bootstrap=0)
    assert result.subsets == {"seed": {}}
    assert "51 different values" in result.reasons["subsets.seed"]
    assert any("51 different values" in warning for warning in result.warnings)


@pytest.mark.parametrize("n", range(2, 13))
def test_small_keys_have_numbers_or_reasons(n):
    rng = np.random.default_rng(n)
    names = [f"{i}.png" for i in range(n)]
    result = evaluate(
        dict(zip(names, rng.normal(size=n), strict=True)), dict(zip(names, rng.normal(size=n), strict=True))
    )
    shown = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    for metric in ("main", "srocc", "krocc", "plcc", "pearson", "plcc_logistic4", "rmse"):
        assert (shown[metric] is None) == (metric in shown["reasons"])
        assert metric not in shown["intervals"] or shown[metric] is not None
    assert (shown["plcc"] is None) == (n < 10)
    assert shown["srocc"] is not None


def test_constant_predictions_are_null_with_a_reason_never_zero(rows):
    names, _, y = rows
    shown = evaluate(dict.fromkeys(names, 2.0), dict(zip(names, y, strict=True))).to_dict()
    for metric in ("main", "srocc", "krocc", "plcc", "pearson", "plcc_logistic4", "rmse"):
        assert shown[metric] is None
        assert "same" in shown["reasons"][metric]
    assert shown["intervals"] == {}
    json.dumps(shown, allow_nan=False)


def test_an_inverted_submission_scores_negative_and_is_warned(rows):
    names, x, y = rows
    key = dict(zip(names, y, strict=True))
    result = evaluate(dict(zip(names, -x, strict=True)), key, bootstrap=200)
    assert result.to_dict()["main"] < -0.7
    assert any("falls" in warning for warning in result.warnings)
    assert result.intervals["plcc"][1] < -0.6


def test_few_rows_are_warned_as_optimistic(rows):
    names, x, y = rows
    few = evaluate(dict(zip(names[:150], x, strict=False)), dict(zip(names[:150], y, strict=False)), bootstrap=0)
    many = evaluate(dict(zip(names, x, strict=True)), dict(zip(names, y, strict=True)), bootstrap=0)
    assert any("optimistic" in warning for warning in few.warnings)
    assert not any("optimistic" in warning for warning in many.warnings)


def test_the_formula_decides_the_main_score(rows):
    names, x, y = rows
    predictions, key = dict(zip(names, x, strict=True)), dict(zip(names, y, strict=True))
    result = evaluate(predictions, key, bootstrap=100, formula="0.5 * krocc - rmse")
    shown = result.to_dict()
    assert shown["main"] == pytest.approx(0.5 * shown["krocc"] - shown["rmse"])
    assert shown["intervals"]["main"][0] < shown["main"] < shown["intervals"]["main"][1]
    with pytest.raises(scoring.InvalidFormula):
        evaluate(predictions, key, formula="mos")


def test_names_must_match_one_to_one(rows):
    names, x, y = rows
    key = dict(zip(names, y, strict=True))
    predictions = dict(zip(names, x, strict=True))
    for wrong, code in [
        ({**predictions, "extra.png": 1.0}, "unknown_name"),
        ({name: predictions[name] for name in names[1:]}, "missing_names"),
        ({**predictions, names[0]: np.nan}, "not_finite"),
        ({**predictions, names[0]: None}, "not_finite"),
        (pd.DataFrame({"name": [*names, names[0]], "score": [*x, 1.0]}), "duplicate_name"),
        (csv_text("name,score", names[1:], x[1:]).encode(), "missing_names"),
    ]:
        with pytest.raises(InvalidPredictions) as caught:
            evaluate(wrong, key, bootstrap=0)
        assert [problem.code for problem in caught.value.report.problems] == [code]


def test_bad_keys_and_arguments_are_refused(rows):
    names, x, _ = rows
    predictions = dict(zip(names, x, strict=True))
    with pytest.raises(InvalidAnswerKey):
        evaluate(predictions, dict.fromkeys(names, np.nan))
    with pytest.raises(InvalidAnswerKey):
        evaluate(predictions, {})
    with pytest.raises(InvalidAnswerKey, match="twice"):
        evaluate(predictions, pd.DataFrame({"name": ["a", "a"], "mos": [1, 2]}))
    with pytest.raises(ValueError, match="columns name"):
        evaluate(predictions, pd.DataFrame({"image": names, "mos": x}))
    with pytest.raises(TypeError, match="mapping"):
        evaluate(predictions, 5)
