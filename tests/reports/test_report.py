"""The report's files say what the board and the sheets say, are safe to open, and are for organisers alone."""

import csv
import io
import json
import re
import shutil
import subprocess
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from challenge.analyses.analysis_run import analyse
from challenge.leaderboards.board import board
from challenge.reports.archive import report_files
from challenge.reports.latex import report_tex, teams_bib
from challenge.reports.models import FactSheet
from challenge.reports.report import report_of
from challenge.submissions.intake import Method, receive_reference
from challenge.submissions.scoring_run import score
from tests.factories import prediction_csv, upload
from tests.reports.made import AUTHORS, FACTS, collect, reproduced, submitted
from tests.scoring.test_latex import HOSTILE
from tests.test_blind import found_in, traces

ZIP = "/c/iqa/{phase}/report.zip"


@pytest.fixture
def season(world):
    """Two teams and a reference row; alice's sheet is submitted, her method run again; mallory's sheet is missing."""
    first = world.scored(noise=0.4)
    world.scored(world.mallory, noise=0.9)
    niqe = receive_reference(
        phase=world.development, upload=upload(prediction_csv(2.0)), method=Method(name="NIQE"), actor=None
    )
    score(niqe.pk)
    analyse(first.evaluations.get().pk)
    collect(world)
    submitted(world)
    reproduced(world, first, prediction_csv(0.41))
    return world


def fetched(client, phase: str = "development") -> dict[str, str]:
    archive = zipfile.ZipFile(io.BytesIO(client.get(ZIP.format(phase=phase)).content))
    return {name: archive.read(name).decode() for name in archive.namelist()}


def table_rows(tex: str, caption: str) -> list[list[str]]:
    """The cells of the table whose caption begins so, as LaTeX."""
    body = tex.split(rf"\caption{{{caption}", 1)[1].split(r"\midrule", 1)[1].split(r"\bottomrule", 1)[0]
    return [[cell.strip() for cell in line.removesuffix(r"\\").split(" & ")] for line in body.strip().splitlines()]


def check_structure(tex: str) -> None:
    """Braces and environments close in order, tables have the columns they declare, nothing follows the end."""
    bare = re.sub(r"\\url\{[^}]*\}", "", tex)
    depth = 0
    for token in re.findall(r"\\[\\{}%&#$_]|[{}]", bare):
        depth += {"{": 1, "}": -1}.get(token, 0)
        assert depth >= 0
    assert depth == 0
    opened: list[str] = []
    for verb, name in re.findall(r"\\(begin|end)\{(\w+)\}", bare):
        if verb == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []
    assert tex.rstrip().endswith(r"\end{document}")
    assert not re.search(r"(?<!\\)[%#_^]", re.sub(r"(?<!\\)\$[^$]*\$", "", bare))
    for columns, body in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", bare, re.DOTALL):
        for line in body.splitlines():
            if line.endswith(r"\\") and "multicolumn" not in line:
                assert len(re.findall(r"(?<!\\)&", line)) == len(columns) - 1, line


def test_every_number_is_that_of_the_board(season, client):
    client.force_login(season.organiser)
    files = fetched(client)
    rows = board(season.development)
    printed = table_rows(files["report.tex"], "Results.")
    for row, cells in zip(rows, printed, strict=True):
        assert cells[0] == ("--" if row.rank is None else str(row.rank))
        assert cells[2:7] == [f"{row.scores[name]:.4f}" for name in ("main", "srocc", "krocc", "plcc", "rmse")]
        assert cells[7] == ("--" if row.interval is None else ", ".join(f"{end:.4f}" for end in row.interval))
    assert files["results.csv"] == client.get("/c/iqa/development/leaderboard.csv").content.decode()
    assert [line["main"] for line in json.loads(files["report.json"])["results"]] == [
        row.scores["main"] for row in rows
    ]
    page = client.get("/c/iqa/development/report/").content.decode()
    assert all(f"{row.scores['main']:.4f}" in page for row in rows if row.team_id)
    assert "1 submitted, 0 in draft,\n          1 missing" in page


def test_facts_authors_and_references_are_those_of_submitted_sheets(season, client):
    client.force_login(season.organiser)
    files = fetched(client)
    tex = files["report.tex"]
    assert table_rows(tex, "Facts,") == [
        [r"Aces of \"{O}rebro", "AceNet", "0.125", "NVIDIA RTX 4090", "86.5", "yes", "no"],
        ["Rivals", "--", "--", "--", "--", "--", "--"],
    ]
    assert r"\textbf{Members:} Ada Ace$^{1,2}$ (\texttt{ada@example.org}), Bob B\'{e}la$^{2}$" in tex
    assert r"\textbf{Affiliations:} $^{1}$ University of A; $^{2}$ Institute B" in tex
    assert r"Two towers." "\n\n" r"One head, 100 \% of the time.~\cite{acesoforebro}" in tex
    assert r"\url{https://example.org/ace_net}" in tex
    assert files["teams.bib"].splitlines() == [
        "@misc{acesoforebro,",
        r"  title = {{Aces \& more}},",
        r"  author = {{Ada Ace} and {Bob B\'{e}la}},",
        "  howpublished = {arXiv:2404.03407},",
        "  year = {2024},",
        "}",
    ]
    aces, rivals = csv.DictReader(io.StringIO(files["facts.csv"]))
    assert (aces["status"], rivals["status"]) == ("submitted", "missing")
    assert (aces["runtime_s"], aces["contact"]) == ("0.125", "ada@example.org")
    assert json.loads(files["report.json"])["teams"][0]["facts"]["authors"] == AUTHORS
    [verdict] = table_rows(tex, "Methods run again")
    [told] = csv.DictReader(io.StringIO(files["reproductions.csv"]))
    assert verdict[1:3] == [f"{float(told[name]):.4f}" for name in ("submitted_main", "reproduced_main")]
    assert (verdict[-1], told["verdict"]) == ("within tolerance", "within tolerance")
    FactSheet.objects.update(status="draft", submitted_at=None)
    assert "AceNet" not in fetched(client)["report.tex"]
    check_structure(tex)


def test_a_report_without_anything_is_one_too(world, client):
    client.force_login(world.organiser)
    check_structure(fetched(client)["report.tex"])
    assert "Not begun" in client.get("/c/iqa/development/report/").content.decode()


TEXTS = st.text(max_size=12) | st.sampled_from([HOSTILE, "=cmd()", "東京 & Söhne", "}", "%", "a\n\nb", "a\rb", r"\\"])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=6, max_size=6), link=st.sampled_from(["", "https://a.org/%7B{x}_#&~\\"]))
def test_no_text_breaks_the_report(season, texts, link):
    """Sheets as no form would let them in: the report does not rely on it."""
    title, method, description, device, name, affiliation = texts
    report = report_of(season.development, season.organiser)
    sheet = report.described[0][1]
    values = {"team_title": title, "method_name": method, "description": description, "device": device}
    for field, value in {**FACTS, **values, "code_url": link, "reference_title": title or "x"}.items():
        setattr(sheet, field, value)
    author = sheet.authors.all()[0]
    author.name, author.affiliation = name, affiliation
    check_structure(report_tex(report))
    bib = teams_bib(report)
    assert len(re.findall(r"^@misc\{[a-z0-9-]+,$", bib, re.MULTILINE)) == 1
    assert bib.count("{") - bib.count(r"\{") == bib.count("}") - bib.count(r"\}")
    for table in ("results.csv", "facts.csv", "reproductions.csv"):
        cells = [cell for row in csv.reader(io.StringIO(report_files(report)[table])) for cell in row]
        assert not [cell for cell in cells if cell[:1] in "=+@\t\r" and cell]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_pdflatex_compiles_it(season, tmp_path):
    report = report_of(season.development, season.organiser)
    sheet = report.described[0][1]
    sheet.description, sheet.team_title = HOSTILE, "東京 & Söhne ≠ α"
    for name, text in report_files(report).items():
        (tmp_path / name).write_text(text)
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "report.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)


def test_a_blind_phase_is_reported_to_its_organisers_only(world, client):
    """And what its teams see of their sheets holds no score."""
    submission = world.scored(phase=world.final)
    analyse(submission.evaluations.get().pk)
    collect(world, world.final)
    sheet = submitted(world, phase=world.final)
    reproduced(world, submission, prediction_csv(0.6))
    result = submission.evaluations.get().analysis.result
    client.force_login(world.organiser)
    assert f"{result['main']:.4f}" in fetched(client, "final")["report.tex"]
    assert "This phase is blind" in client.get("/c/iqa/final/report/").content.decode()
    team = f"/c/iqa/final/report/teams/{world.team.pk}/"
    for who in (world.alice, world.mallory, world.other_organiser):
        client.force_login(who)
        for address in (ZIP.format(phase="final"), "/c/iqa/final/report/", team, f"{team}status/"):
            assert client.get(address).status_code == 404
        for address in ("/c/iqa/final/fact-sheet/", "/c/iqa/final/fact-sheet/submit/", "/c/iqa/team/"):
            text = client.get(address, follow=True).content.decode()
            assert not found_in(text, traces(result)), address
    assert sheet.is_submitted
