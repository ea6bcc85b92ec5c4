"""Main-score formulas: arithmetic over the metrics and nothing else."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import AnswerKey, Formula, InvalidFormula, evaluate
from scoring.formula import CRITERIA, DEFAULT_FORMULA, METRICS

VALUES = {"srocc": 0.8, "krocc": 0.6, "plcc": 0.9, "pearson": 0.85, "rmse": 0.5, "plcc_logistic4": 0.88}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (DEFAULT_FORMULA, 0.85),
        ("srocc + plcc", 1.7),
        ("0.45*srocc + 0.45*plcc + 0.1*krocc", 0.825),
        ("-rmse + 2", 1.5),
        ("max(srocc, krocc, plcc) - min(srocc, krocc)", 0.3),
        ("abs(-srocc) ** 2", 0.64),
        ("1 - rmse ** 0.5", 1 - math.sqrt(0.5)),
        ("plcc_logistic4 / pearson", 0.88 / 0.85),
    ],
)
def test_formulas_compute_what_they_say(text, value):
    assert Formula(text).evaluate(VALUES) == pytest.approx(value, abs=1e-12)


def test_metrics_lists_the_names_used():
    assert Formula("(srocc + plcc) / 2 + srocc").metrics == ("plcc", "srocc")
    assert Formula("srocc").criteria == ()
    assert Formula("cc_0 + srocc - rmse_star").criteria == ("cc_0", "rmse_star")


def test_extra_names_are_allowed_where_the_caller_gives_them():
    formula = Formula("srocc / 2 + rank1 / 2", extra=("rank1",))
    assert formula.evaluate(VALUES | {"rank1": 0.4}) == pytest.approx(0.6)
    assert formula.evaluate(VALUES) is None
    with pytest.raises(InvalidFormula, match="unknown metric 'rank1'"):
        Formula("srocc / 2 + rank1 / 2")


@pytest.mark.parametrize(
    "text",
    [
        "srocc / (plcc - plcc)",
        "(0 - srocc) ** 0.5",
        "srocc" + " * 1e6 ** 8" * 7,
    ],
)
def test_results_that_are_no_finite_numbers_are_none(text):
    assert Formula(text).evaluate(VALUES) is None


@pytest.mark.parametrize("missing", [None, math.nan, math.inf])
def test_a_missing_metric_makes_the_score_none(missing):
    assert Formula("srocc + plcc").evaluate(VALUES | {"plcc": missing}) is None
    assert Formula("srocc + plcc").evaluate({"srocc": 0.5}) is None
    assert Formula("srocc").evaluate(VALUES | {"plcc": missing}) == 0.8


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("srocc +", "not a formula"),
        ("srcc + plcc", "unknown metric 'srcc'; allowed are srocc"),
        ("1 + 2", "uses no metric"),
        ("__import__('os').system('true')", "unknown function"),
        ("srocc.real", "not allowed"),
        ("srocc[0]", "not allowed"),
        ("[srocc for srocc in plcc]", "not allowed"),
        ("lambda: srocc", "not allowed"),
        ("srocc if plcc else krocc", "not allowed"),
        ("srocc and plcc", "not allowed"),
        ("srocc < plcc", "not allowed"),
        ("srocc // 2", "not allowed"),
        ("srocc % 2", "not allowed"),
        ("~srocc", "not allowed"),
        ("'a' * srocc", "only numbers"),
        ("True * srocc", "only numbers"),
        ("1j * srocc", "only numbers"),
        ("1e400 * srocc", "only numbers"),
        ("srocc ** plcc", "power"),
        ("srocc ** 9", "power"),
        ("2 ** 8 ** 8 * srocc", "power"),
        ("round(srocc)", "unknown function 'round'"),
        ("max(srocc)", "two values or more"),
        ("abs(srocc, plcc)", "one value"),
        ("max(srocc, plcc, key=abs)", "unknown function|named arguments"),
        ("max(*srocc, plcc)", "not allowed"),
        ("(x := srocc)", "not allowed"),
        ("srocc + " * 40 + "plcc", "characters"),
        ("-" * 30 + "srocc", "levels"),
        ("srocc \0", "not a formula"),
    ],
)
def test_everything_else_is_refused_with_a_sentence(text, says):
    with pytest.raises(InvalidFormula, match=says):
        Formula(text)


tokens = st.sampled_from(
    [
        *METRICS,
        "1",
        "0.5",
        "+",
        "-",
        "*",
        "/",
        "**",
        "(",
        ")",
        ",",
        "abs",
        "min",
        "max",
        "print",
        "os",
        ".",
        "[",
        "]",
        "open",
    ]
)


@given(st.lists(tokens, max_size=14).map(" ".join))
def test_token_soup_is_refused_or_computes_without_calling_anything(text):
    try:
        formula = Formula(text)
    except InvalidFormula:
        return
    assert set(formula.metrics) <= set(METRICS)
    assert not {"print", "os", "open"} & set(text.split())
    value = formula.evaluate(VALUES)
    assert value is None or math.isfinite(value)


@given(st.text(max_size=60))
def test_arbitrary_text_never_escapes_as_another_error(text):
    try:
        formula = Formula(text)
    except InvalidFormula:
        return
    assert formula.metrics


@given(
    st.recursive(
        st.sampled_from(METRICS) | st.floats(0, 10).map(lambda v: format(v, ".3f")),
        lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        max_leaves=8,
    )
)
def test_arithmetic_agrees_with_python(text):
    if not any(name in text for name in METRICS) or len(text) > 200:
        return
    try:
        expected = eval(text, {"__builtins__": {}}, VALUES)  # noqa: S307 (the oracle; the text is generated above)
    except ZeroDivisionError:
        expected = None
    assert Formula(text).evaluate(VALUES) == expected


def test_a_formula_says_which_columns_the_answer_key_must_have():
    assert Formula("srocc + rmse_p1401 + pair_accuracy").columns_needed == ()
    assert Formula("auc_bw - outlier_ratio").columns_needed == ("mos_std", "n_ratings")
    assert Formula("pair_accuracy_within").columns_needed == ("pair_group",)


@pytest.mark.parametrize("name", CRITERIA)
def test_a_criterion_is_undefined_just_without_those_columns(name):
    rng = np.random.default_rng(1)
    names = [f"{i:03d}" for i in range(60)]
    mos = rng.uniform(0, 5, 60)
    predictions = dict(zip(names, (mos + rng.normal(0, 1, 60)).tolist(), strict=True))
    columns = {"mos_std": np.full(60, 0.8), "n_ratings": np.full(60, 20.0), "pair_group": ["a", "b"] * 30}
    needed = Formula(name).columns_needed
    enough = AnswerKey(tuple(names), mos, {}, **{column: columns[column] for column in needed})
    assert evaluate(predictions, enough, bootstrap=0, formula=name).main is not None
    for column in needed:
        less = AnswerKey(tuple(names), mos, {}, **{other: columns[other] for other in needed if other != column})
        assert evaluate(predictions, less, bootstrap=0, formula=name).main is None
