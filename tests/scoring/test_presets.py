"""Main scores of past challenges: the published leaderboard, and what no evaluation can compute."""

import csv

import pytest

import scoring
from scoring import PRESETS, InvalidFormula, evaluate, preset_formula
from tests.reference import shared


def test_the_kvq_formula_reproduces_the_published_leaderboard():
    with shared("ntire-facts/leaderboard_ntire2024_sugc_vqa.csv").open() as stream:
        teams = list(csv.DictReader(stream))
    formula = PRESETS["ntire2024-kvq"].formula
    computed = []
    for team in teams:
        values = {name: float(team[column]) for name, column in [("srocc", "srocc"), ("pearson", "plcc")]}
        values |= {name: float(team[name]) for name in ("rank1", "rank2")}
        computed.append(formula.evaluate(values))
    assert [round(value, 4) for value in computed] == [0.9228, 0.9145, 0.9119, 0.9116, 0.8932]
    # The third is printed as 0.9120: its inputs are rounded.
    assert computed == pytest.approx([float(team["final_score"]) for team in teams], abs=1e-4)


def test_usable_presets_score_a_submission(sample):
    x, y = (dict(enumerate(values.tolist())) for values in sample)
    mean = evaluate(x, y, bootstrap=0, formula=preset_formula("ntire2024-aigc"))
    total = evaluate(x, y, bootstrap=0, formula=preset_formula("ntire2021-pipal"))
    assert mean.main == (mean.srocc + mean.plcc) / 2 == evaluate(x, y, bootstrap=0).main
    assert total.main == total.srocc + total.plcc


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ntire2024-kvq", "rank1 is the accuracy over a list of pairs"),
        ("ntire2025-t2i-alignment", "acc is the share of the prompts' elements"),
        ("ntire1999", "unknown preset 'ntire1999'; known are ntire2024-aigc"),
    ],
)
def test_presets_that_need_more_are_refused_with_the_reason(name, says):
    with pytest.raises(InvalidFormula, match=says):
        preset_formula(name)


def test_every_preset_names_its_source_and_parses():
    for name, preset in PRESETS.items():
        assert "arXiv" in preset.source, name
        assert set(preset.given) <= set(preset.formula.metrics), name
    values = {"srocc": 0.8, "plcc_logistic4": 0.6, "acc": 0.9}
    assert PRESETS["ntire2025-t2i-alignment"].formula.evaluate(values) == pytest.approx(0.8)
    with pytest.raises(InvalidFormula, match="unknown metric 'acc'"):
        scoring.Formula(PRESETS["ntire2025-t2i-alignment"].text)
