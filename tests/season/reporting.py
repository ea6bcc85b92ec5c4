"""After the final: fact sheets by the page, methods run again, and a report whose every number is recomputed."""

import csv
import io
import json
import math
import re
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.season.boards import METRICS, Line
from tests.season.files import TEAMS, predictions, readme, runtime_of, scores_in
from tests.season.state import HOME, Season

SHEET, REPORT = f"{HOME}final/fact-sheet/", f"{HOME}final/report/"
FORGETFUL, SLOW = TEAMS[6], TEAMS[7]  # one leaves a draft, one never begins
EXACT, LOOSE = TEAMS[0], TEAMS[1]  # whose methods are run again
HOSTILE = r"\input{x} 100% & _Söhne_ #1 $^2$"
PDF = b"%PDF-1.7\nHow it is done.\n"
TOLERANCE = 0.0001


def the_report_is_written(season: Season) -> None:
    """The organisers collect sheets, run two methods again and export the report; the board stays as it is."""
    season.clock.set("2031-03-12T10:00:00")
    assert "no fact" not in season.leaders[EXACT].look(f"{HOME}team/").lower()
    season.organiser.fill(REPORT, what="open", closes_at="2031-03-14T00:00:00", tolerance=str(TOLERANCE))
    teams = list(dict.fromkeys(one.team for one in season.sent["final"]))
    for team in teams:
        if team != SLOW:
            a_finalist_fills_in_the_sheet(season, team)
    the_file_is_for_the_team_and_the_organisers(season)
    made = two_methods_are_run_again(season)
    season.clock.set("2031-03-14T00:00:01")
    assert "closed" in season.leaders[SLOW].look(SHEET)
    the_report_says_what_the_command_line_says(season, made)
    season.check_board("final")


def a_finalist_fills_in_the_sheet(season: Season, team: str) -> None:
    """What `readme.txt` said is there already; the rest is typed, looked at and submitted."""
    leader = season.leaders[team]
    address = f"phases/{season.id_of('final')}/fact-sheet"
    offered = leader.ask(address)
    assert (offered["status"], offered["runtime_s"]) == ("missing", runtime_of(team))
    assert offered["description"] in readme(team)
    typed: dict[str, Any] = {
        "parameters_m": "12.5",
        "training_data": "The training images.",
        "ensemble": "False",
        "code_url": f"https://example.org/{team.replace(' ', '_')}",
        "authors-0-name": f"Leader of {team}",
        "authors-0-affiliation": "University; Institute",
        "authors-0-email": f"{team.replace(' ', '.')}@example.org",
    }
    if team == EXACT:
        typed |= {"team_title": HOSTILE, "reference_title": HOSTILE}
        typed["attachment"] = SimpleUploadedFile("method.pdf", PDF)
    if team == FORGETFUL:
        typed["training_data"] = ""
    shown = leader.fill(SHEET, **typed, **{"and": "submit"})
    assert shown.request["PATH_INFO"] == f"{SHEET}submit/"
    if team == FORGETFUL:
        assert "still needs" in shown.content.decode()
        return
    leader.fill(f"{SHEET}submit/", version="1")
    told = leader.ask(address)
    assert (told["status"], told["missing"], told["method_name"]) == ("submitted", [], f"method of {team}")
    assert (told["runtime_s"], told["description"]) == (runtime_of(team), f"How {team} did it.")
    assert (told["extra_data"], told["device"]) == (bool(TEAMS.index(team) % 2), ("GPU", "CPU")[TEAMS.index(team) % 2])


def the_file_is_for_the_team_and_the_organisers(season: Season) -> None:
    """Whoever else has the address gets nothing."""
    [file] = season.leaders[EXACT].ask(f"phases/{season.id_of('final')}/fact-sheet")["files"]
    for reader in (season.leaders[EXACT], season.organiser):
        response: Any = reader.browser.get(file["url"])
        assert b"".join(response.streaming_content) == PDF
        assert response["Content-Disposition"].startswith("attachment")
    season.leaders[LOOSE].look(file["url"], status=404)
    season.visitor.look(file["url"], status=302)


def two_methods_are_run_again(season: Season) -> dict[str, bytes]:
    """One gives the very file that was sent, the other another one; team -> what it gave."""
    sent = {line.name: line.sent for line in season.lines("final")}
    made = {EXACT: sent[EXACT].content, LOOSE: predictions(LOOSE, "final", 9)}
    for team, content in made.items():
        page = f"{REPORT}teams/{season.leaders[team].ask('challenges/season/team')['id']}/"
        waiting = season.organiser.fill(page, file=SimpleUploadedFile("again.zip", content), note="seed 0")
        assert "A worker compares the two files" in waiting.content.decode()
        season.workers.work()
        found = _agreement(season, team, content)
        text = season.organiser.look(page)
        assert found["verdict"] in text
        assert f"{found['reproduced_main']:.4f}" in text
    return made


def _agreement(season: Season, team: str, content: bytes) -> dict[str, Any]:
    """What the comparison of this file with the one that counts must be, by the command line and by counting."""
    sent = next(line.sent for line in season.lines("final") if line.name == team)
    before, after = season.evaluate(sent)["main"], season.recompute.evaluate(content, season.keys["final"])["main"]
    first, again = scores_in(sent.content), scores_in(content)
    gaps = [abs(first[name] - again[name]) for name in first]
    as_key = "name,mos\n" + "".join(f"{name},{score}\n" for name, score in first.items())
    return {
        "submitted_main": before,
        "reproduced_main": after,
        "difference": after - before,
        "verdict": "within tolerance" if abs(after - before) <= TOLERANCE else "outside tolerance",
        "n": len(first),
        "unmatched": 0,
        "differing": sum(gap > 0 for gap in gaps),
        "max_difference": max(gaps),
        "srocc": season.recompute.evaluate(content, as_key.encode())["srocc"],
    }


def the_report_says_what_the_command_line_says(season: Season, made: dict[str, bytes]) -> None:
    """LaTeX to four decimals, CSV and JSON to the last digit, the page like the LaTeX."""
    archive = zipfile.ZipFile(io.BytesIO(season.organiser.browser.get(f"{HOME}final/report.zip").content))
    files = {name: archive.read(name).decode() for name in archive.namelist()}
    tex, lines = files["report.tex"], season.lines("final")
    assert files["results.csv"] == season.organiser.look(f"{HOME}final/leaderboard.csv")
    rows = [line for line in _cells(tex, "Results.") if len(line) > 1]
    assert [row[0] for row in rows] == [str(line.rank) for line in lines]
    for row, line in zip(rows, lines, strict=True):
        interval = season.evaluate(line.sent)["intervals"]["main"]
        numbers = [*(line.scores[metric] for metric in METRICS), *interval]
        assert re.findall(r"\d\.\d{4}", " ".join(row)) == [f"{number:.4f}" for number in numbers]
    _check_sheets(files, lines)
    exact, loose = (_agreement(season, team, content) for team, content in made.items())
    assert (exact["verdict"], loose["verdict"]) == ("within tolerance", "outside tolerance")
    told = {row["team"]: row for row in csv.DictReader(io.StringIO(files["reproductions.csv"]))}
    for team, expected in ((EXACT, exact), (LOOSE, loose)):
        assert {name: told[team][name] for name in expected} == {
            name: value if isinstance(value, str) else repr(value) for name, value in expected.items()
        }
        mean = _mean_difference(season, team, made[team])
        assert float(told[team]["mean_difference"]) == pytest.approx(mean, rel=1e-12)
    page = season.organiser.look(REPORT)
    for line in lines:
        assert f"{line.scores['main']:.4f}" in page
    assert "6 submitted" in page
    assert "Reproduced file uploaded" in season.organiser.look(f"{HOME}desk/log/")
    season.leaders[EXACT].look(f"{HOME}final/report.zip", status=404)


def _mean_difference(season: Season, team: str, content: bytes) -> float:
    sent = next(line.sent for line in season.lines("final") if line.name == team)
    first, again = scores_in(sent.content), scores_in(content)
    return math.fsum(abs(first[name] - again[name]) for name in first) / len(first)


def _cells(tex: str, caption: str) -> list[list[str]]:
    body = tex.split(rf"\caption{{{caption}", 1)[1].split(r"\midrule", 1)[1].split(r"\bottomrule", 1)[0]
    return [line.removesuffix(r" \\").split(" & ") for line in body.strip().splitlines()]


def _check_sheets(files: dict[str, str], lines: list[Line]) -> None:
    """Facts stand for those who submitted; what a team typed is text, in LaTeX and in BibTeX."""
    facts = {row["team"]: row for row in csv.DictReader(io.StringIO(files["facts.csv"]))}
    assert list(facts) == [line.name for line in lines]
    states = dict.fromkeys(facts, "submitted") | {FORGETFUL: "draft", SLOW: "missing"}
    assert {team: row["status"] for team, row in facts.items()} == states
    stated = {team: float(row["runtime_s"]) for team, row in facts.items() if row["runtime_s"]}
    assert stated == {team: runtime_of(team) for team in facts if states[team] == "submitted"}
    safe = r"\textbackslash{}input\{x\} 100\% \& \_S\"{o}hne\_ \#1 \$\textasciicircum{}2\$"
    assert safe in files["report.tex"]
    assert f"title = {{{{{safe}}}}}" in files["teams.bib"]
    assert r"\input{" not in files["report.tex"]
    results = json.loads(files["report.json"])["results"]
    assert [row["main"] for row in results] == [line.scores["main"] for line in lines]
