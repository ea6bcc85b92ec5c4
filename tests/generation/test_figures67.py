"""Figures 6 and 7: their numbers against numpy, simulations and the released AIGIQA-20K scores; files; the command."""

import json

import numpy as np
import pytest

from generation.catalogue.models import PAPER, read_catalogue
from generation.cli import main
from generation.figures.lengths import figure7, length_groups
from generation.figures.parameters import FACTORS, NOT_APART, figure6
from generation.figures.tables import figures, images_in, opinions_in
from generation.plan.plan import make_plan
from generation.plotting import FORMATS
from generation.prompts.tokens import count_tokens
from generation.tables import read_table
from tests.reference import shared

EFFECTS = {"iterations": -0.5, "cfg": -0.2, "resolution": -0.3}


def planned(model="SDXL"):
    """Flags of the paper's plan for one model, shape (2000,) each."""
    catalogue = read_catalogue(PAPER)
    rows = [row for row in make_plan(catalogue).images if row.model == model]
    return {factor: np.array([getattr(row, flag) for row in rows]) for factor, flag in FACTORS.items()}


def scores(is_default, rng):
    lost = sum(effect * ~is_default[factor] for factor, effect in EFFECTS.items())
    return 4 + lost + rng.normal(0, 0.5, len(is_default["cfg"]))


def test_the_papers_contrast_is_biased_by_its_plan_and_the_adjusted_one_is_not():
    is_default = planned()
    rng = np.random.default_rng(0)
    found = [figure6(scores(is_default, rng), ["m"] * 2000, is_default) for _ in range(60)]
    for place, factor in enumerate(FACTORS):
        models = [one["panels"][place]["models"][0] for one in found]
        naive = np.mean([one["difference"] for one in models])
        adjusted = np.array([one["effect"]["difference"] for one in models])
        halves = np.array([one["effect"]["ci95"] for one in models])
        assert naive == pytest.approx({"iterations": -0.67, "cfg": -0.47, "resolution": -0.54}[factor], abs=0.015)
        assert adjusted.mean() == pytest.approx(EFFECTS[factor], abs=0.015)
        assert np.mean(np.abs(adjusted - EFFECTS[factor]) <= halves) >= 0.85  # 95 % of 60, with room for chance
        other = found[0]["panels"][place]["confounding"]
        assert all(share["abnormal"] > share["default"] + 0.3 for share in other.values())


def test_numbers_of_figure_6_are_those_of_numpy_and_of_least_squares():
    rng = np.random.default_rng(1)
    is_default = {factor: rng.random(300) < 0.6 for factor in FACTORS}
    mos = scores(is_default, rng)
    model = figure6(mos, ["a"] * 300, is_default)["panels"][0]["models"][0]
    chosen = ~is_default["cfg"]
    assert model["abnormal"]["n"] == chosen.sum()
    assert model["abnormal"]["mean"] == pytest.approx(mos[chosen].mean())
    assert model["default"]["std"] == pytest.approx(mos[~chosen].std(ddof=1))
    columns = np.column_stack([np.ones(300), *(~is_default[factor] for factor in FACTORS)]).astype(float)
    slopes = np.linalg.lstsq(columns, mos, rcond=None)[0]
    assert model["effect"]["difference"] == pytest.approx(slopes[1])
    at = columns.mean(axis=0) * [1, 0, 1, 1]
    assert model["default"]["adjusted"]["mean"] == pytest.approx(at @ slopes)
    assert model["abnormal"]["adjusted"]["mean"] == pytest.approx(at @ slopes + slopes[1])
    without = mos - (columns[:, 2:] - columns[:, 2:].mean(axis=0)) @ slopes[2:]
    assert without[chosen].mean() == pytest.approx(model["abnormal"]["adjusted"]["mean"])
    assert without[chosen].std(ddof=1) == pytest.approx(model["abnormal"]["adjusted"]["std"])


def test_models_are_shown_where_they_have_both_kinds_and_small_groups_only_as_counts():
    yes, no = np.ones(40, bool), np.arange(40) >= 10
    models = ["a"] * 20 + ["b"] * 20
    is_default = {"cfg": no, "iterations": yes, "resolution": no}
    mos = np.linspace(1, 5, 40)
    found = figure6(mos, models, is_default, least=10)
    assert [[one["model"] for one in panel["models"]] for panel in found["panels"]] == [["a"], [], ["a"]]
    assert found["panels"][0]["models"][0]["reason"] == NOT_APART  # the same images in both panels
    few = figure6(mos, models, is_default, least=11)["panels"][0]["models"][0]
    assert few["default"] == {"n": 10, "mean": None, "std": None, "ci95": None, "adjusted": None}
    assert (few["difference"], few["effect"]) == (None, None)
    json.dumps(found, allow_nan=False)


def test_the_released_scores_by_length_of_the_prompt():
    images = images_in(read_table(shared("aigiqa20k-train/info_train.csv"), []))
    mos = opinions_in(read_table(shared("aigiqa20k-train/info_train.csv"), []))
    found = figures(images, mos, length="tokens_read", all_configurations=True)
    assert found["6"] is None  # the released table has no parameters
    models = {one["model"]: one for one in found["7"]["models"]}
    assert [one["model"] for one in found["7"]["models"]][:2] == ["DALLE3", "MJ"]
    for model, means in {
        "LCM_SDXL": [2.25, 2.46, 2.54, 2.70],
        "SDXL": [4.10, 4.18, 4.21, 4.21],
        "SSD1B": [4.23, 4.31, 4.35, 4.36],
        "DALLE2": [3.85, 3.78, 3.68, 3.68],
    }.items():
        assert [round(one["mean"], 2) for one in models[model]["groups"]] == means
    assert [one["n"] for one in models["LCM_SDXL"]["groups"]] == [205, 223, 238, 34]
    assert found["7"]["rows"] == "all configurations"


def test_figure_7_counts_all_default_images_by_rising_length():
    prompts = [" ".join(["cat"] * (n % 90 + 1)) for n in range(360)]
    all_default = np.arange(360) < 270
    mos = np.array([5 - 0.01 * count_tokens(text) for text in prompts])
    models = ["short" if n % 2 else "shorter" for n in range(360)]
    found = figure7(mos, models, prompts, all_default, least=2)
    assert found["n"] == 270
    assert found["lengths"] == ["<=20", "21-40", "41-77", ">77"]
    for model in found["models"]:
        means = [group["mean"] for group in model["groups"]]
        assert means == sorted(means, reverse=True)
    assert [one["mean"] for one in found["models"]] == sorted((one["mean"] for one in found["models"]), reverse=True)
    blank = figure7(mos[:6], ["m"] * 6, ["", " ", *prompts[:4]], np.ones(6, bool))
    assert blank["n"] == 4


@pytest.mark.parametrize(("length", "first"), [("word_terciles", "<=10"), ("character_terciles", "<=49")])
def test_terciles_divide_the_images_into_thirds(length, first):
    prompts = [" ".join(["word"] * n) for n in range(1, 31)]
    labels, order = length_groups(prompts, length)
    assert order[0] == first
    assert [labels.count(one) for one in order] == [10, 10, 10]
    assert len(length_groups(["same words"] * 9, length)[1]) == 2


def write_tables(folder, n=120):
    rng = np.random.default_rng(3)
    rows, opinions = [], []
    for i in range(n):
        flags = ",".join("true" if one else "false" for one in rng.random(3) < 0.7)
        rows.append(f"$a^b$_{i}.png,model {i % 3},{flags},{'a small cat ' * (i % 30 + 1)}")
        opinions.append(f"$a^b$_{i}.png,{rng.uniform(1, 5):.4f}")
    header = "name,model,iteration_default,cfg_default,resolution_default,prompt"
    (folder / "plan.csv").write_text("\n".join([header, *rows]))
    (folder / "mos.csv").write_text("\n".join(["image,mos", *opinions, "elsewhere.png,3"]))


def run(folder, *more):
    return main(["figures", "--table", str(folder / "plan.csv"), "--mos", str(folder / "mos.csv"), *more])


def test_the_command_draws_both_figures_with_the_same_bytes(tmp_path, capsys):
    write_tables(tmp_path)
    for turn in ("a", "b"):
        files = [[str(tmp_path / f"{turn}{number}{ending}") for ending in FORMATS] for number in (6, 7)]
        options = ["--adjusted", "--spread", "ci95", "--length", "word_terciles", "--least", "5"]
        assert run(tmp_path, "--figure6", *files[0], "--figure7", *files[1], *options) == 0
    assert "figure 6 of 120 images" in capsys.readouterr().out
    for number in (6, 7):
        for ending in FORMATS:
            made = (tmp_path / f"a{number}{ending}").read_bytes()
            assert made == (tmp_path / f"b{number}{ending}").read_bytes() != b""
    assert "adjusted MOS" in (tmp_path / "a6.svg").read_text()
    assert json.loads((tmp_path / "a7.json").read_text())["length"] == "word_terciles"


def test_tables_that_cannot_be_used_are_refused_by_line(tmp_path, capsys):
    write_tables(tmp_path, n=4)
    assert run(tmp_path) == 1
    assert "nothing to do" in capsys.readouterr().err
    out = str(tmp_path / "f.json")
    (tmp_path / "mos.csv").write_text("name,mos\na.png,3\nb.png,great\n")
    assert run(tmp_path, "--figure6", out) == 1
    assert "mos.csv:3: mos of 'b.png' is not a number" in capsys.readouterr().err
    (tmp_path / "mos.csv").write_text("name,mos\na.png,3\n")
    assert run(tmp_path, "--figure6", out) == 1
    assert "no image of the table has an opinion score" in capsys.readouterr().err
    (tmp_path / "plan.csv").write_text("name,cfg_default\na.png,true\n")
    assert run(tmp_path, "--figure6", out) == 1
    assert "has cfg_default but not iteration_default, resolution_default" in capsys.readouterr().err
    (tmp_path / "plan.csv").write_text("name\na.png\n")
    for number in (6, 7):
        assert run(tmp_path, f"--figure{number}", out) == 1
        assert f"figure {number} needs" in capsys.readouterr().err
