"""`python -m generation plan`."""

import json

import pytest

from generation.cli import main


def test_a_small_plan_is_written_and_reported(tmp_path, capsys):
    out, report = tmp_path / "plan.csv", tmp_path / "report.json"
    assert main(["plan", "--out", str(out), "--images", "200", "--report", str(report)]) == 0
    assert len(out.read_text().splitlines()) == 201
    found = json.loads(report.read_text())
    assert found["totals"]["images"] == 200
    sdxl = next(model for model in found["models"] if model["model"] == "SDXL")
    assert sdxl["factors"]["cfg"]["1"] == {"wanted": 10, "got": 10}
    assert sdxl["all_default"]["got"] >= sdxl["all_default"]["wanted"] == 5
    printed = capsys.readouterr().out
    assert "| SDXL | 20 | 5 | 6 (5) | 10/5/5 |" in printed
    page = tmp_path / "report.md"
    assert main(["plan", "--out", str(out), "--images", "200", "--report", str(page)]) == 0
    assert page.read_text() == capsys.readouterr().out == printed


def test_a_catalogue_and_prompts_of_ones_own(tmp_path, capsys):
    (tmp_path / "m.yaml").write_text(
        "all_default: 3\nmodels:\n"
        "  - {name: tiny, images: 12, iterations: 8, longest_edge: 64, quantum: 8, varies: [iterations]}\n"
    )
    (tmp_path / "kept.csv").write_text("id,prompt\n" + "".join(f"p{i},picture {i}\n" for i in range(12)))
    arguments = ["--models", str(tmp_path / "m.yaml"), "--prompts", str(tmp_path / "kept.csv")]
    assert main(["plan", "--out", str(tmp_path / "plan.csv"), *arguments]) == 0
    rows = [line.split(",") for line in (tmp_path / "plan.csv").read_text().splitlines()[1:]]
    assert sorted(row[2] for row in rows) == ["2"] * 3 + ["4"] * 3 + ["8"] * 6
    assert {row[12] for row in rows} == {f"p{i}" for i in range(12)}
    assert "12 distinct of 12" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--images", "10"], 1, "10 images for 15 models"),
        (["--prompts", "nowhere.csv"], 2, "nowhere.csv: No such file"),
        (["--models", "nowhere.yaml"], 2, "nowhere.yaml: No such file"),
    ],
)
def test_what_cannot_be_planned_is_said(tmp_path, capsys, arguments, status, said):
    assert main(["plan", "--out", str(tmp_path / "plan.csv"), *arguments]) == status
    assert said in capsys.readouterr().err
    assert not (tmp_path / "plan.csv").exists()


@pytest.mark.parametrize("arguments", [["--images", "-3"], ["--policy", "loose"], ["--seed", "x"], []])
def test_a_wrong_command_line_is_refused(tmp_path, capsys, arguments):
    out = ["--out", str(tmp_path / "plan.csv")] if arguments else []
    with pytest.raises(SystemExit) as stopped:
        main(["plan", *out, *arguments])
    assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_help_explains_every_option(capsys):
    with pytest.raises(SystemExit):
        main(["plan", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--images 200" in text
    assert all(word in text for word in ("guarantee", "strict", "marginals", "shared_anchor", "log-uniform"))
