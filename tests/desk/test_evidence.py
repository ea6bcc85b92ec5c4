"""The page on collusion: asked for by organisers, done by a worker, worded as evidence, complete in the CSV."""

import csv
import io
import random

import pytest

from challenge.audit.models import Act, AuditEntry
from challenge.contests.services import join_challenge
from challenge.core.work import State
from challenge.desk import evidence_run
from challenge.desk.evidence import ask, items_of, reconcile
from challenge.desk.evidence_run import look
from challenge.desk.models import EvidenceRun
from tests.factories import hidden_mos, make_user, prediction_csv

PAGE = "/c/iqa/development/evidence/"


def rewritten(content: bytes) -> bytes:
    """The same predictions in another order, with other line ends and a header."""
    lines = content.decode().splitlines()
    random.Random(1).shuffle(lines)
    return ("name,score\r\n" + "\r\n".join(f"{line}00" for line in lines) + "\r\n").encode()


def rescaled(content: bytes) -> bytes:
    rows = [line.split(",") for line in content.decode().splitlines()]
    return ("\n".join(f"{name},{100 - 7 * float(value):.4f}" for name, value in rows) + "\n").encode()


@pytest.fixture
def field(world, rung):
    """Seven teams: four honest ones, one that sent Aces' file written anew, one that rescaled that of Team0."""
    files = {f"Team{i}": prediction_csv(0.5 + 0.2 * i, seed=50 + i) for i in range(3)}
    files |= {"Rewriter": rewritten(prediction_csv(0.4, seed=1)), "Rescaler": rescaled(files["Team0"])}
    world.scored(content=prediction_csv(0.4, seed=1))
    for name, content in files.items():
        user = make_user(name.lower())
        join_challenge(user=user, challenge=world.challenge, team_name=name, accepts_terms=True)
        world.scored(user, content=content)
    return world


def looked(world):
    run = ask(world.development, actor=world.organiser)
    look(run.pk)
    run.refresh_from_db()
    assert run.state == State.DONE, run.failure
    return run


def test_copies_of_other_teams_are_named_with_their_figures_and_nobody_else(client, field):
    """EvalAI #4788: the same results from several teams; cvpr-vand #125: plagiarism."""
    run = looked(field)
    items = [(item.kind, [row.label for row in item.submissions]) for item in items_of(run)]
    assert items == [("Same values", ["Aces", "Rewriter"]), ("Close pair", ["Team0", "Rescaler"])]
    client.force_login(field.organiser)
    text = client.get(PAGE).content.decode()
    assert "figures, not verdicts" in text
    assert "SRoCC -1.00000" in text
    rows = list(csv.DictReader(io.StringIO(client.get("/c/iqa/development/evidence.csv").content.decode())))
    assert [row["teams"] for row in rows] == ["Aces; Rewriter", "Team0; Rescaler"]
    assert rows[0]["users"] == "alice; rewriter"


def test_the_result_holds_no_hidden_value(field):
    run = looked(field)
    assert not [mos for mos in hidden_mos().values() if str(mos) in str(run.result)]


def test_asking_is_written_down_and_two_ask_for_one_run(client, field):
    client.force_login(field.organiser)
    assert client.post(PAGE).status_code == 302
    client.post(PAGE)
    assert EvidenceRun.objects.count() == AuditEntry.objects.filter(act=Act.EVIDENCE).count() == 1
    assert b"A worker compares" in client.get(PAGE).content
    assert b"hx-get" in client.get(f"{PAGE}status/").content
    EvidenceRun.objects.update(next_ring_at="2026-01-01T00:00:00Z")
    assert reconcile() == 1


def test_what_could_not_be_compared_is_said(field, monkeypatch):
    monkeypatch.setattr(evidence_run, "MOST_OF_A_TEAM", 1)
    newest = field.scored(seed=77)
    newest.file.storage.delete(newest.file.name)
    notes = " ".join(looked(field).result["notes"])
    assert "only the newest 1 of each team are compared, 300 in all: 1." in notes
    assert "they cannot be read: 1." in notes


def test_accounts_made_around_the_deadline_are_a_fact_beside_it(client, world):
    client.force_login(world.organiser)
    assert b"Nobody who takes part made an account" in client.get(PAGE).content
    world.alice.date_joined = world.development.closes_at
    world.alice.save()
    text = client.get(PAGE).content.decode()
    assert "alice" in text
    assert "Nobody who takes part" not in text
