"""The board as a figure: the same rows, names as they are typed, made once for each state of the board."""

from xml.etree import ElementTree

import pytest
from django.core.cache import caches

from challenge.analyses.analysis_run import analyse
from challenge.analyses.comparison_run import compare
from challenge.contests.models import Team
from challenge.leaderboards import views
from challenge.leaderboards.board import board
from challenge.submissions.intake import Method, receive_reference
from challenge.submissions.scoring_run import score
from tests.factories import IMAGES, prediction_csv, upload

ADDRESS = "/c/iqa/development/leaderboard"


@pytest.fixture
def compared(world):
    """Two teams that differ, one without a score, a reference row; analysed and compared."""
    rows = [world.scored(noise=0.1), world.scored(world.mallory, noise=3.0, seed=2)]
    reference = receive_reference(
        phase=world.development, upload=upload(prediction_csv(0.9, 5)), method=Method(name="NIQE"), actor=None
    )
    score(reference.pk)
    for submission in (*rows, reference):
        analyse(submission.evaluations.get().pk)
    compare(world.development.pk)
    return world


def words(client):
    return ElementTree.fromstring(client.get(f"{ADDRESS}.svg").content)  # noqa: S314  our own


def test_it_has_the_rows_of_the_board_with_ranks(compared, client):
    text = [line for line in words(client).itertext() if line.strip()]
    assert [row.label for row in board(compared.development)] == ["Aces", "NIQE", "Rivals"]
    assert [line for line in text if any(name in line for name in ("Aces", "NIQE", "Rivals"))] == [
        *("1  Aces", "NIQE", "2  Rivals")
    ]
    assert "main score with 95 % interval" in text


def test_ranks_and_groups_are_those_of_the_page(compared, client):
    assert [row.group for row in board(compared.development)] == [1, None, 2]
    drawn = {}
    for display in ("both", "groups", "strict"):
        compared.development.rank_display = display
        compared.development.save()
        drawn[display] = client.get(f"{ADDRESS}.svg").content
    assert len(set(drawn.values())) == 2  # here groups and ranks are the same numbers
    assert drawn["strict"].count(b"stroke-dasharray") < drawn["both"].count(b"stroke-dasharray")


def test_the_same_bytes_each_time_and_drawn_once(compared, client, monkeypatch):
    for kind, start in (("svg", b"<?xml"), ("pdf", b"%PDF-1.")):
        first = client.get(f"{ADDRESS}.{kind}")
        assert first.content.startswith(start)
        assert "attachment" in first["Content-Disposition"]
        caches["local"].clear()
        assert client.get(f"{ADDRESS}.{kind}").content == first.content
    calls = []

    def draw(*_, **__):
        calls.append(1)
        return b"x"

    monkeypatch.setattr(views, "board_file", draw)
    client.get(f"{ADDRESS}.pdf")
    assert calls == []
    compared.scored(noise=0.05, seed=4)
    client.get(f"{ADDRESS}.pdf")
    assert calls == [1]


def test_names_are_text_and_undefined_rows_are_left_out(compared, client):
    Team.objects.filter(name="Rivals").update(name="$\\frac{1}$ <b>&")
    compared.scored(content="".join(f"{name},3\n" for name in IMAGES).encode())
    assert "2  $\\frac{1}$ <b>&" in "".join(words(client).itertext())


def test_an_empty_board_is_an_empty_figure(world, client):
    for kind in ("svg", "pdf"):
        assert client.get(f"{ADDRESS}.{kind}").status_code == 200
