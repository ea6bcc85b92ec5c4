"""`python -m generation prompts`: files in, files out, errors with the fix."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import pytest

from generation.cli import main
from generation.prompts import RULES
from generation.prompts.command import add_arguments
from tests.generation.prompts.stub import items_of, reply, serve, verdicts
from tests.reference import shared

PROMPTS = [
    "a red fox jumping over a stone wall at night",
    "a red fox jumping over the stone wall at night",
    "A RED FOX jumping over a stone wall, at night!",
    "seductive portrait of a queen",
    "an ass",
    "!!!",
    'blue cat, line\nbreak and "quotes"',
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open("p.csv", "w", newline="") as stream:
        csv.writer(stream).writerows([["n", "prompt"], *enumerate(PROMPTS)])
    return tmp_path


def command(*arguments):
    return main(["prompts", "--input", "p.csv", "--out", "kept.csv", *arguments])


def table(name):
    with open(name, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_kept_dropped_and_report_are_written(folder, capsys):
    assert command("--dropped", "dropped.csv", "--report", "funnel.json", "--report", "funnel.md") == 0
    kept = table("kept.csv")
    assert [(row["id"], row["prompt"], row["length_bin"], row["count"]) for row in kept] == [
        ("p0000001", PROMPTS[0], "<=20", "3"),
        ("p0000007", 'blue cat, line break and "quotes', "<=20", "1"),
    ]
    assert list(kept[0])[:7] == ["id", "prompt", "characters", "tokens", "length_bin", "cluster", "count"]
    dropped = table("dropped.csv")
    assert [(row["id"], row["rule"], row["merged_into"]) for row in dropped] == [
        ("p0000002", "merged", "p0000001"),
        ("p0000003", "exact", "p0000001"),
        ("p0000004", "judged", ""),
        ("p0000005", "words", ""),
        ("p0000006", "exact", ""),
    ]
    assert [row["prompt"] for row in dropped] == PROMPTS[1:6]
    assert float(dropped[0]["similarity"]) >= 90
    report = json.loads((folder / "funnel.json").read_text())
    assert list(report)[:7] == ["input", *RULES]
    assert [report[name] for name in ("input", *RULES)] == [7, 5, 4, 4, 3, 2, None]
    assert report["dropped"]["exact"] == {"no letter or digit": 1, "same prompt": 1}
    assert report["judge"]["verdicts"] == {"allow": 2, "unsure": 1}
    assert report["examples"]["words"][0]["prompt"] == ""
    markdown = (folder / "funnel.md").read_text()
    assert "| merged | 4 | 1 | 20.00% |" in markdown
    assert "| selected | not run | | |" in markdown
    assert "CC-BY-4.0" in markdown
    said = capsys.readouterr().out
    assert "judged    2" in said
    assert "in doubt and left out: 1" in said


def test_a_second_run_writes_the_same_bytes(folder):
    written = []
    for _ in range(2):
        assert command("--dropped", "dropped.csv", "--report", "f.json", "--report", "f.md", "--target", "1") == 0
        written.append([(folder / name).read_bytes() for name in ("kept.csv", "dropped.csv", "f.json", "f.md")])
    assert written[0] == written[1]


def test_the_released_profile_and_its_null_rules(folder):
    assert command("--profile", "released", "--report", "f.json") == 0
    report = json.loads((folder / "f.json").read_text())
    assert [report[name] for name in ("input", *RULES)] == [7, None, None, 5, 5, None, None]
    assert report["judge"] is None
    assert [row["prompt"] for row in table("kept.csv")] == [*PROMPTS[:4], PROMPTS[6]]


def test_an_option_overrules_the_profile(folder):
    assert command("--profile", "released", "--threshold", "90", "--judge", "lexicon", "--report", "f.json") == 0
    report = json.loads((folder / "f.json").read_text())
    assert [report[name] for name in ("input", *RULES)] == [7, 5, 4, 3, 3, 3, None]


def test_doubtful_prompts_go_to_people_and_come_back(folder, capsys):
    assert command("--review", "review.csv") == 0
    (row,) = table("review.csv")
    assert (row["prompt"], row["category"], row["reason"]) == ("seductive portrait of a queen", "sexual", "seductive*")
    text = (folder / "review.csv").read_text()
    (folder / "review.csv").write_text(text.replace("lexicon,,", "lexicon,Allow,fine with us"))

    assert command("--review", "review.csv") == 1
    assert "holds 1 decisions that this run does not know" in capsys.readouterr().err
    assert command("--review", "review.csv", "--decisions", "review.csv") == 0
    assert len(table("kept.csv")) == 3
    (row,) = table("review.csv")
    assert (row["decision"], row["comment"]) == ("allow", "fine with us")
    assert "in doubt" not in capsys.readouterr().out


def test_decisions_on_prompts_of_another_run_are_kept(folder):
    (folder / "review.csv").write_text("prompt,decision,comment\nof another run,block,why\n")
    assert command("--review", "review.csv", "--decisions", "review.csv") == 0
    assert [(row["prompt"], row["decision"]) for row in table("review.csv")] == [
        ("seductive portrait of a queen", ""),
        ("of another run", "block"),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("prompt,decision\na,perhaps\n", "review.csv:2: the decision 'perhaps' is none of allow, block"),
        ("prompt,decision\na,allow\na,block\n", "review.csv:3: the prompt was decided otherwise further up"),
        ("prompt\na\n", "no column decision"),
        ("prompt,decision\ncaf\xe9,allow\n".encode("latin-1"), "is not UTF-8"),
        ('prompt,decision\n"a,allow\n', "is not CSV"),
    ],
)
def test_unusable_decisions_are_refused(folder, capsys, content, said):
    (folder / "review.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert command("--decisions", "review.csv") == 1
    assert said in capsys.readouterr().err
    assert not (folder / "kept.csv").exists()


def test_too_few_prompts_are_said_with_all_numbers_and_ways_out(folder, capsys):
    assert command("--target", "5", "--report", "f.json", "--dropped", "d.csv") == 1
    said = capsys.readouterr().err
    assert "2 prompts remain, 3 fewer than --target 5" in said
    assert "input 7, exact 5, merged 4, cleaned 4, words 3, judged 2" in said
    for way in (
        "add another --input",
        "lower --target to at most 2",
        "decide on the 1 prompts in doubt",
        "--threshold",
    ):
        assert way in said
    assert not (folder / "kept.csv").exists()
    assert json.loads((folder / "f.json").read_text())["selected"] is None
    assert len(table("d.csv")) == 5


def test_further_word_lists_are_used(folder):
    (folder / "own.yaml").write_text("name: own\ntier: block\nsource: us\nlicence: CC0\nwords: {other: [fox]}\n")
    assert command("--words", "own.yaml", "--dropped", "d.csv") == 0
    assert [row["detail"] for row in table("d.csv") if row["reason"] == "listed word (other)"] == ["fox"]


def test_an_endpoint_judges_and_a_second_run_asks_nothing(folder, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "secret")

    def respond(request, number):
        answer = verdicts(request)
        for item, verdict in zip(items_of(request), answer["verdicts"], strict=True):
            if "cat" in item["prompt"]:
                verdict.update(label="block", category="hate", reason="no cats")
        return reply(answer)

    with serve(respond) as stub:
        options = ["--judge", "openai", "--base-url", stub.url, "--model", "m", "--api-key-env", "JUDGE_KEY"]
        assert command(*options, "--dropped", "d.csv", "--report", "f.json") == 0
        assert [row["prompt"] for row in table("kept.csv")] == [PROMPTS[0], PROMPTS[3]]
        assert table("d.csv")[-1]["detail"] == "hate: no cats"
        assert stub.headers[0]["Authorization"] == "Bearer secret"
        assert command(*options) == 0
        assert len(stub.requests) == 1
    assert (folder / "kept.csv.verdicts.sqlite").exists()
    assert json.loads((folder / "f.json").read_text())["judge"]["name"] == "m"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--column", "text"], 1, "p.csv: no column text; it has n, prompt"),
        (["--judge", "openai", "--model", "m"], 1, "--judge openai needs --base-url"),
        (["--report", "no/f.json"], 1, "no/f.json: there is no folder no"),
        (["--dropped", "p.csv"], 1, "p.csv: is an input, too"),
        (["--decisions", "none.csv"], 2, "none.csv: No such file"),
        (["--input", "none.csv"], 2, "none.csv: No such file"),
    ],
)
def test_errors_name_the_fix(folder, capsys, arguments, status, said):
    assert command(*arguments) == status
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--threshold", "101"], ["--target", "-1"], ["--batch", "0"], ["--judge", "me"]])
def test_values_out_of_range_are_errors_of_the_command_line(folder, capsys, arguments):
    with pytest.raises(SystemExit) as stopped:
        command(*arguments)
    assert stopped.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_every_option_is_explained_in_the_documentation():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    page = (Path(__file__).parents[3] / "docs" / "database.md").read_text()
    options = {action.option_strings[-1] for action in parser._actions} - {"--help"}
    assert len(options) > 20
    assert sorted(option for option in options if f"`{option}`" not in page and f"`{option} " not in page) == []


def test_the_fixed_interface_on_real_rows(folder):
    source = str(shared("prompts/agiqa3k_prompts.tsv"))
    assert main(["prompts", "--input", source, "--column", "prompt", "--out", "kept.csv", "--target", "100"]) == 0
    assert len(table("kept.csv")) == 100
