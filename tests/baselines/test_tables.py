"""Tables 2 and 3: the numbers are those of `evaluate`, marks are the two best, and every format says the same."""

import csv
import io
import json
import re

import numpy as np
import pytest

from scoring import evaluate
from scoring.answer_key import AnswerKey
from scoring.baselines.table_formats import FORMATS
from scoring.baselines.tables import InvalidTable, find_predictions, make_tables
from scoring.cli import main
from tests.reference import shared

NOISE = {"qalign": 0.3, "niqe": 2.0, "hps_v1": 0.6, "dbcnn+finetune.0": 0.1, "dbcnn+finetune.1": 0.2, "mine": 1.0}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    names = tuple(f"{i:03d}.png" for i in range(240))
    mos = rng.uniform(0, 5, 240)
    subsets = {
        "cfg_default": ["true" if i % 2 else "false" for i in range(240)],
        "resolution_default": ["True" if i % 3 else "False" for i in range(240)],
        "model": ["a"] * 240,
    }
    predictions = {
        name: dict(zip(names, (mos + rng.normal(0, noise, 240)).tolist(), strict=True)) for name, noise in NOISE.items()
    }
    return predictions, AnswerKey(names, mos, subsets)


@pytest.fixture(scope="module")
def tables(data):
    return make_tables(*data, paper=shared("aigiqa20k-paper"))


def row_of(table, name):
    return next(row for row in table.rows if row.name == name)


def test_values_are_those_of_evaluate(data, tables):
    predictions, key = data
    overall, settings = tables
    result = evaluate(predictions["qalign"], key, bootstrap=0).to_dict()
    for criterion in ("srocc", "krocc", "plcc"):
        assert row_of(overall, "qalign").values["all", criterion].value == result[criterion]
        wrong = row_of(settings, "qalign").values["Wrong CFG", criterion].value
        assert wrong == result["subsets"]["cfg_default"]["false"][criterion]
    assert settings.groups == ("Default CFG", "Wrong CFG", "Default resolution", "Rectangular resolution")
    assert settings.sizes == {
        "Default CFG": 120,
        "Wrong CFG": 120,
        "Default resolution": 160,
        "Rectangular resolution": 80,
    }


def test_repeats_are_averaged(data, tables):
    values = [evaluate(data[0][f"dbcnn+finetune.{i}"], data[1], subsets=[], bootstrap=0).srocc for i in (0, 1)]
    cell = row_of(tables[0], "dbcnn+finetune").values["all", "srocc"]
    assert cell.value == pytest.approx(np.mean(values))
    assert cell.sd == pytest.approx(np.std(values, ddof=1))


def test_the_two_best_of_each_column_are_marked(tables):
    for table in tables:
        for column in table.columns:
            values = {row.name: row.values[column] for row in table.rows}
            best = sorted(values, key=lambda name: -values[name].value)
            assert [values[name].mark for name in best] == ["best", "second"] + [""] * (len(best) - 2)


def test_equal_values_share_a_mark_and_undefined_ones_have_none(data):
    predictions, key = data
    constant = dict.fromkeys(key.names, 1.0)
    (table, *_) = make_tables({"a": predictions["qalign"], "b": predictions["qalign"], "c": constant}, key)
    assert [row.values["all", "srocc"].mark for row in table.rows] == ["best", "best", ""]
    assert table.rows[2].values["all", "srocc"].value is None
    assert "| c | – | – | – |" in FORMATS["md"](table)
    assert "c & -- & -- & --" in FORMATS["tex"](table)


def test_values_of_the_paper_stand_beside_ours_with_the_note(tables):
    overall, settings = tables
    assert row_of(overall, "qalign").values["all", "srocc"].paper == 0.7461
    assert row_of(overall, "dbcnn+finetune").values["all", "plcc"].paper == 0.8688
    assert row_of(settings, "niqe").values["Wrong CFG", "krocc"].paper == 0.0020
    assert row_of(settings, "hps_v1").values["Default CFG", "plcc"].paper == 0.6111
    assert row_of(overall, "mine").values["all", "plcc"].paper is None
    assert any("expect a higher PLCC" in note for note in overall.notes)


def test_every_name_of_the_paper_finds_its_metric():
    """With a file for each of the sixteen, every cell of the printed table 3 has a place."""
    folder = shared("aigiqa20k-paper")
    names = "brisque clipiqa cnniqa dbcnn hyperiqa liqe musiq niqe qalign topiq unique wadiqam clip hps_v1 imagereward"
    images = [f"{i}" for i in range(40)]
    levels = ["true", "false"] * 20
    columns = ("cfg_default", "iteration_default", "resolution_default")
    key = AnswerKey(tuple(images), np.arange(40.0), dict.fromkeys(columns, levels))
    predictions = {name: {image: float(image) for image in images} for name in [*names.split(), "picscore"]}
    table = make_tables(predictions, key, folder)[1]
    assert len(table.rows) * len(table.columns) == 16 * 18
    assert all(value.paper is not None for row in table.rows for value in row.values.values())


def test_latex_has_balanced_rows_and_marks(tables):
    for table in tables:
        text = FORMATS["tex"](table)
        body = [line for line in text.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
        assert len(body) == 1 + len(table.rows)
        assert {line.count("&") for line in body} == {len(table.columns)}
        assert text.count(r"\textbf{") == text.count(r"\underline{") == len(table.columns)
        assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1
        assert re.search(r"\\begin\{tabular\}\{lc+\}", text)
    assert r"\cmidrule(lr){2-4}\cmidrule(lr){5-7}" in FORMATS["tex"](tables[1])


def test_csv_and_json_hold_full_precision(tables):
    settings = tables[1]
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](settings))))
    assert len(rows) == 4 * len(settings.rows)
    first = next(row for row in rows if row["metric"] == "niqe" and row["group"] == "Wrong CFG")
    value = row_of(settings, "niqe").values["Wrong CFG", "plcc"]
    assert float(first["plcc"]) == value.value
    assert float(first["plcc_paper"]) == value.paper
    content = json.loads(FORMATS["json"](settings))
    found = next(row for row in content["rows"] if row["name"] == "niqe")["groups"]["Wrong CFG"]["plcc"]
    assert found == {"value": value.value, "sd": None, "mark": value.mark, "paper": value.paper}


def test_a_key_without_settings_gives_table_2_only_and_odd_labels_are_named(data):
    predictions, key = data
    assert [table.name for table in make_tables(predictions, AnswerKey(key.names, key.mos, {}))] == ["table2"]
    odd = AnswerKey(key.names, key.mos, {"cfg_default": ["7.5", *key.subsets["cfg_default"][1:]]})
    with pytest.raises(InvalidTable, match=r"000\.png in the key: cfg_default is '7\.5', not true or false"):
        make_tables(predictions, odd)


@pytest.fixture
def files(data, tmp_path):
    predictions, key = data
    folder = tmp_path / "predictions"
    (folder / "niqe").mkdir(parents=True)
    for name, path in (("niqe", "niqe/predictions.csv"), ("qalign", "qalign.csv")):
        lines = (f"{image},{score!r}\n" for image, score in predictions[name].items())
        (folder / path).write_text("name,score\n" + "".join(lines))
    rows = (f"{n},{m!r},{c}\n" for n, m, c in zip(key.names, key.mos.tolist(), key.subsets["cfg_default"], strict=True))
    (tmp_path / "key.csv").write_text("name,mos,cfg_default\n" + "".join(rows))
    return folder, tmp_path / "key.csv"


def test_the_command_writes_all_formats(files, tmp_path, capsys):
    folder, key = files
    arguments = ["baselines", "tables", "--predictions", str(folder), "--key", str(key)]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        f"table{number}.{ending}" for number in (2, 3) for ending in FORMATS
    )
    assert main(arguments) == 0
    assert "**Metrics over all images**" in capsys.readouterr().out
    assert main([*arguments, "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"table2", "table3"}


def test_the_command_names_the_file_that_is_wrong(files, capsys, tmp_path):
    folder, key = files
    arguments = ["baselines", "tables", "--predictions", str(folder), "--key", str(key)]
    (folder / "qalign.csv").write_text("name,score\n000.png,1\n")
    assert main(arguments) == 1
    assert "qalign.csv: 239 names missing" in capsys.readouterr().out
    (folder / "niqe.csv").write_text("name,score\n")
    with pytest.raises(InvalidTable, match="remove one"):
        find_predictions(folder)
    assert main([*arguments[:3], str(tmp_path / "niqe"), *arguments[4:]]) == 2
    assert "no prediction files" in capsys.readouterr().err
