"""Diagnostics: stored and shown exactly where the phase shows the fit; a figure is the same numbers in every kind."""

import csv
import io
import json
import re
from xml.etree import ElementTree

import pytest
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext

import scoring
from challenge.analyses.analysis_run import analyse
from challenge.analyses.models import Analysis
from challenge.analyses.services import follow_switches, reconcile
from challenge.contests.models import Phase
from challenge.core import work
from challenge.datasets.services import add_answer_key, open_answer_key
from challenge.submissions.models import Evaluation
from tests.factories import IMAGES, answer_key_csv, hidden_mos, make_phase

ADDRESSES = ("diagnostics/", "diagnostics.json", "figures/scatter.svg", "figures/ranges.csv", "figures/worst.json")


def analysed(world, **kwargs):
    """A submission of alice with its score and its analysis."""
    submission = world.scored(**kwargs)
    analyse(submission.evaluations.get().pk)
    return submission


def analysis_of(submission):
    return Analysis.objects.get(evaluation__submission=submission)


def switch(phase, *, on):
    """As the administration does it."""
    phase.shows_fit = on
    phase.save()


@pytest.fixture
def showing(world):
    """The development phase, showing the fit."""
    switch(world.development, on=True)
    return world.development


@pytest.fixture
def shown(world, showing, client):
    """A submission with diagnostics; the client is its team's."""
    client.force_login(world.alice)
    return analysed(world)


def get(client, submission, address):
    return client.get(f"{submission.get_absolute_url()}{address}")


# --- stored where the phase shows them --------------------------------------------------------------------------------


def test_they_are_the_librarys(shown):
    evaluation = shown.evaluations.get()
    key = open_answer_key(evaluation.answer_key)
    expected = scoring.diagnose(scoring.evaluate(shown.file.path, key, bootstrap=0), key).to_dict()
    assert analysis_of(shown).diagnostics == json.loads(json.dumps(expected))
    assert set(expected["residuals"]["points"]["name"]) == set(IMAGES)


def test_a_phase_that_does_not_show_the_fit_stores_and_shows_none_to_nobody(world, client):
    submission = analysed(world)
    assert Analysis.objects.filter(diagnostics__isnull=True).count() == 1
    for who in (world.alice, world.organiser, world.admin):
        client.force_login(who)
        assert [get(client, submission, address).status_code for address in ADDRESSES] == [404] * len(ADDRESSES)
        assert "diagnostics/" not in client.get(submission.get_absolute_url()).content.decode()


def test_switching_off_hides_at_once_and_deletes_in_the_next_look(world, showing, shown, client):
    assert [get(client, shown, address).status_code for address in ADDRESSES] == [200] * len(ADDRESSES)
    switch(showing, on=False)
    assert [get(client, shown, address).status_code for address in ADDRESSES] == [404] * len(ADDRESSES)
    assert "diagnostics/" not in client.get(shown.get_absolute_url()).content.decode()
    before = analysis_of(shown)
    reconcile()
    after = analysis_of(shown)
    assert Analysis.objects.filter(diagnostics__isnull=True).count() == 1
    assert (after.state, after.result) == (before.state, before.result)


def test_a_phase_that_turns_blind_keeps_none(showing, shown):
    Phase.objects.filter(pk=showing.pk).update(shows_fit=False, is_blind=True)
    follow_switches()
    assert analysis_of(shown).diagnostics is None


def test_switching_on_has_analyses_made_again_and_the_board_keeps_its_intervals(world, client):
    from challenge.leaderboards.board import board

    submission = analysed(world)
    interval = board(world.development)[0].interval
    switch(world.development, on=True)
    client.force_login(world.alice)
    reconcile()
    assert analysis_of(submission).state == "waiting"
    assert board(world.development)[0].interval == interval
    assert "being worked out" in get(client, submission, "diagnostics/").content.decode()
    assert get(client, submission, "diagnostics.json").status_code == 404
    analyse(submission.evaluations.get().pk)
    assert analysis_of(submission).diagnostics["n"] == 60
    assert get(client, submission, "diagnostics.json").status_code == 200
    follow_switches()
    assert analysis_of(submission).state == "done"


def test_a_worker_that_is_overtaken_by_the_switch_leaves_none_for_long(world, showing, monkeypatch):
    submission = world.scored()
    diagnose = scoring.diagnose

    def switch_meanwhile(*args):
        Phase.objects.filter(pk=showing.pk).update(shows_fit=False)
        return diagnose(*args, resamples=0)

    monkeypatch.setattr(scoring, "diagnose", switch_meanwhile)
    analyse(submission.evaluations.get().pk)
    follow_switches()
    assert analysis_of(submission).diagnostics is None


def test_analyses_that_failed_or_are_of_another_scorer_are_left_as_they_are(world):
    failed, old = analysed(world), analysed(world, seed=2)
    Analysis.objects.filter(evaluation__submission=failed).update(state="failed")
    Evaluation.objects.filter(submission=old).update(scorer_version="0.1")
    switch(world.development, on=True)
    follow_switches()
    assert {analysis_of(failed).state, analysis_of(old).state} == {"failed", "done"}


def test_switches_are_looked_at_now_and_then_and_without_a_change_nothing_is_written(shown, monkeypatch):
    from challenge.analyses import services

    looks = []
    monkeypatch.setattr(services, "follow_switches", lambda: looks.append(1))
    for _ in range(3):
        reconcile()
    assert looks == [1]
    with CaptureQueriesContext(connection) as queries:
        follow_switches()
    assert [query["sql"].split()[0] for query in queries] == ["SELECT", "SELECT"]


def test_lists_and_boards_do_not_load_them(world, shown, client, django_assert_max_num_queries):
    for address in (shown.get_absolute_url(), "/c/iqa/submissions/", "/c/iqa/development/leaderboard/"):
        with django_assert_max_num_queries(40) as queries:
            assert client.get(address).status_code == 200
        assert not any('"analyses_analysis"."diagnostics"' in query["sql"] for query in queries.captured_queries)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_has_every_figure_with_its_words_and_numbers(shown, client):
    text = get(client, shown, "diagnostics/").content.decode()
    analysis = analysis_of(shown)
    for title in ("MOS over prediction", "Residuals", "Distribution of residuals", "SRoCC by range of MOS"):
        assert f">{title}</h2>" in text
    assert "SRoCC by generator</h2>" in text
    assert text.count('<svg class="plot"') == 3
    assert text.count('<svg class="whisker"') == 5 + 3
    assert "Scatter plot of 60 images" in text
    worst = analysis.diagnostics["residuals"]["misses"][0]
    assert f">{worst['name']}</th>" in text
    assert f">{worst['residual']:.5g}</td>" in text
    low, high = analysis.diagnostics["ranges"][0]["interval"]
    assert f"{low:.4f} to {high:.4f}" in text


def test_nobody_keeps_a_copy(shown, client):
    for address in ADDRESSES:
        assert "no-store" in get(client, shown, address)["Cache-Control"]
        assert "private" in get(client, shown, address)["Cache-Control"]


def test_the_submissions_page_links_to_it(shown, client):
    assert f'href="{shown.get_absolute_url()}diagnostics/"' in client.get(shown.get_absolute_url()).content.decode()


def test_without_a_map_the_page_says_why_and_has_the_rest(world, showing, client):
    client.force_login(world.alice)
    submission = analysed(world, content="".join(f"{name},3\n" for name in IMAGES).encode())
    text = get(client, submission, "diagnostics/").content.decode()
    assert "all predictions are the same" in text
    assert "SRoCC by range of MOS" in text
    assert "<svg" not in text.split("<main")[1]
    assert get(client, submission, "diagnostics.json").json() == {}
    assert get(client, submission, "figures/scatter.svg").status_code == 404
    assert get(client, submission, "figures/ranges.svg").status_code == 200


def test_predictions_that_no_axis_can_hold_are_analysed_all_the_same(world, showing, client):
    client.force_login(world.alice)
    lines = "".join(f"{name},{(-1) ** i * 1.7e308 * (i / 60):.6e}\n" for i, name in enumerate(IMAGES))
    submission = analysed(world, content=lines.encode())
    assert analysis_of(submission).state == "done"
    assert "span more than a number can hold" in get(client, submission, "diagnostics/").content.decode()


def test_before_the_score_and_after_a_failure_the_page_says_so(world, showing, client):
    client.force_login(world.alice)
    submission = world.submit()
    assert "no score yet" in get(client, submission, "diagnostics/").content.decode()
    assert get(client, submission, "diagnostics.json").status_code == 404
    failed = world.scored(seed=2)
    Analysis.objects.update(state="failed", failure="It took too long.")
    assert "It took too long." in get(client, failed, "diagnostics/").content.decode()


# --- figures ----------------------------------------------------------------------------------------------------------


FIGURES = ("scatter", "residuals", "distribution", "ranges", "subset-1")


def test_data_of_the_plots_csv_and_json_are_the_same_numbers(shown, client):
    residuals = get(client, shown, "diagnostics.json").json()
    assert residuals == analysis_of(shown).diagnostics["residuals"]
    table = get(client, shown, "figures/scatter.json").json()
    images = [row for row in table["rows"] if row[0] == "image"]
    points = residuals["points"]
    assert [row[1:4] for row in images] == [
        list(row) for row in zip(points["name"], points["prediction"], points["mos"], strict=True)
    ]
    mos = hidden_mos()
    assert all(abs(row[3] - mos[row[1]]) < 1e-4 for row in images)
    for name in (*FIGURES, "worst", "misplaced"):
        table = get(client, shown, f"figures/{name}.json").json()
        answer = get(client, shown, f"figures/{name}.csv")
        header, *rows = csv.reader(io.StringIO(answer.content.decode()))
        assert header == table["columns"]
        assert rows == [["" if cell is None else str(cell) for cell in row] for row in table["rows"]]


def test_drawings_parse_and_are_the_same_bytes_each_time(shown, client):
    for name in FIGURES:
        drawn: dict[str, bytes] = {}
        for kind in ("svg", "pdf", "svg", "pdf"):
            caches["local"].clear()
            answer = get(client, shown, f"figures/{name}.{kind}")
            assert "attachment" in answer["Content-Disposition"]
            assert drawn.setdefault(kind, answer.content) == answer.content
        assert ElementTree.fromstring(drawn["svg"]).tag.endswith("svg")  # noqa: S314  our own
        assert drawn["pdf"].startswith(b"%PDF-1.")
        assert drawn["pdf"].rstrip().endswith(b"%%EOF")
        assert b"CreationDate" not in drawn["pdf"]
        assert b"/FontFile2" in drawn["pdf"]  # TrueType, which journals take
        assert not re.search(rb"\b20\d\d-\d\d-\d\d", drawn["svg"])


def test_the_drawing_has_a_mark_for_each_image_and_says_what_is_what(shown, client):
    root = ElementTree.fromstring(get(client, shown, "figures/scatter.svg").content)  # noqa: S314  our own
    marks = [len(list(group.iter("{http://www.w3.org/2000/svg}use"))) for group in root.iter()]
    assert len(IMAGES) in marks
    text = "".join(root.itertext())
    assert all(label in text for label in ("prediction", "MOS", "fitted logistic", "95 % band"))


def test_a_drawing_is_kept_until_the_analysis_is_another(shown, client, monkeypatch):
    from challenge.analyses import views

    drawings = []

    def draw(figure, kind):
        drawings.append((figure.name, kind))
        return b"x"

    monkeypatch.setattr(views, "figure_file", draw)
    for _ in range(3):
        get(client, shown, "figures/scatter.svg")
    assert drawings == [("scatter", "svg")]
    work.reset(Analysis.objects.all())
    analyse(shown.evaluations.get().pk)
    get(client, shown, "figures/scatter.svg")
    assert len(drawings) == 2


def test_other_figures_do_not_exist(shown, client):
    for address in ("nothing.svg", "scatter.png", "worst.svg", "misplaced.pdf", "subset-2.csv"):
        assert get(client, shown, f"figures/{address}").status_code == 404


def test_names_from_a_key_are_only_text(world, client):
    """In addresses, in formulas of spreadsheets, in mathematics of figures, in fonts."""
    phase = make_phase(world.challenge, "odd", shows_fit=True)
    key = answer_key_csv().decode().replace("generator", "=1+1/$x$").replace("alpha", "$\\frac").replace("beta", "模型")
    add_answer_key(phase=phase, content=key.encode(), actor=None)
    client.force_login(world.alice)
    submission = analysed(world, phase=phase)
    text = get(client, submission, "diagnostics/").content.decode()
    assert "SRoCC by =1+1/$x$</h2>" in text
    assert get(client, submission, "figures/subset-1.csv").content.decode().startswith("'=1+1/$x$,")
    assert "$\\frac" in get(client, submission, "figures/subset-1.svg").content.decode()
    assert get(client, submission, "figures/subset-1.pdf").content.startswith(b"%PDF")
