"""What an organiser's script does: registrations, deadlines, exports; and that nobody else can."""

import csv
import datetime
import io
import json

import pytest

from challenge.contests.configuration import to_dict
from challenge.contests.models import PhaseEvent, Registration
from challenge.teams.services import rename
from tests.factories import make_pending

LIST = "/api/v1/challenges/iqa/registrations"


@pytest.fixture
def organiser(world, bearer):
    return bearer(world.organiser, ["organise"])


def decide(client, headers, registration, decision: str, reason: str = ""):
    url = f"/api/v1/registrations/{registration.pk}/decision"
    said = json.dumps({"decision": decision, "reason": reason})
    return client.post(url, said, content_type="application/json", headers=headers)


def test_registrations_are_listed_and_decided_as_on_the_page(world, client, organiser):
    pending = Registration.objects.get(user=make_pending(world))
    [row] = client.get(f"{LIST}?status=pending", headers=organiser).json()
    assert (row["id"], row["username"], row["email"]) == (str(pending.pk), "pending", "pending@example.org")
    answer = decide(client, organiser, pending, "accept", "Welcome.")
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    assert decide(client, organiser, pending, "accept").json()["status"] == "accepted"  # again is no error
    event = pending.events.latest("at")
    assert (event.actor, event.reason) == (world.organiser, "Welcome.")
    assert decide(client, organiser, pending, "reject").json()["status"] == "rejected"
    assert decide(client, organiser, pending, "again").json()["team"] is None


def test_accepting_into_a_full_team_is_409_with_the_reason(world, client, organiser):
    bob = Registration.objects.get(user=world.bob)
    decide(client, organiser, bob, "reject")
    world.challenge.max_team_size = 1
    world.challenge.save()
    answer = decide(client, organiser, bob, "accept")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_possible")
    assert "full" in answer.json()["detail"]


def test_nobody_else_decides_and_no_other_scope_does(world, client, bearer, organiser):
    bob = Registration.objects.get(user=world.bob)
    for user in (world.alice, world.outsider, world.other_organiser):
        assert decide(client, bearer(user), bob, "reject").status_code == 404
        assert client.get(LIST, headers=bearer(user)).status_code == 404
        assert move(client, bearer(user), world.development, days=1).status_code == 404
    lacking = bearer(world.organiser, ["read", "submit"])
    assert decide(client, lacking, bob, "reject").status_code == 401
    assert move(client, lacking, world.development, days=1).status_code == 401
    bob.refresh_from_db()
    assert bob.status == "accepted"


def move(client, headers, phase, reason: str = "Holidays.", **delta):
    closes_at = phase.closes_at + datetime.timedelta(**delta)
    said = json.dumps({"closes_at": closes_at.isoformat(), "reason": reason})
    return client.post(f"/api/v1/phases/{phase.pk}/deadline", said, content_type="application/json", headers=headers)


def test_a_deadline_moves_with_a_record(world, client, organiser):
    answer = move(client, organiser, world.development, days=2)
    world.development.refresh_from_db()
    assert answer.status_code == 200
    assert answer.json()["closes_at"][:19] == world.development.closes_at.isoformat()[:19]
    event = PhaseEvent.objects.get(kind=PhaseEvent.Kind.DEADLINE)
    assert (event.actor, event.reason, event.after) == (world.organiser, "Holidays.", world.development.closes_at)


@pytest.mark.parametrize("delta", [{"days": -1}, {"days": -60}, {"days": 365 * 200}, {"days": 0}])
def test_a_deadline_that_the_page_refuses_is_409(world, client, organiser, delta):
    answer = move(client, organiser, world.development, **delta)
    assert (answer.status_code, answer.json()["code"]) == (409, "change_refused")
    assert not PhaseEvent.objects.filter(kind=PhaseEvent.Kind.DEADLINE).exists()


@pytest.mark.parametrize(
    "closes_at", ["2040-01-01T00:00:00", "tomorrow", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"]
)
def test_a_moment_without_zone_or_outside_the_calendar_is_refused(world, client, organiser, closes_at):
    url = f"/api/v1/phases/{world.development.pk}/deadline"
    said = {"closes_at": closes_at, "reason": "x\x00\ud800"}
    answer = client.post(url, json.dumps(said), content_type="application/json", headers=organiser)
    assert answer.status_code in (409, 422)


def test_an_organiser_who_is_no_staff_moves_nothing(world, client, organiser):
    world.organiser.is_staff = False
    world.organiser.save()
    answer = move(client, organiser, world.development, days=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_possible")


def test_all_submissions_of_a_phase_as_csv(world, client, organiser):
    scored, waiting = world.scored(phase=world.final), world.submit(world.mallory, world.final)
    rename(world.other_team, "=1+1", actor=world.mallory)
    answer = client.get(f"/api/v1/phases/{world.final.pk}/submissions.csv", headers=organiser)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [row["id"] for row in rows] == [str(scored.pk), str(waiting.pk)]
    assert [row["team"] for row in rows] == ["Aces", "'=1+1"]  # a spreadsheet runs no formula
    assert float(rows[0]["main"]) == scored.evaluations.get().result["main"]
    assert (rows[1]["main"], rows[1]["status"]) == ("", "queued")


def test_the_configuration_is_the_file_that_the_page_gives(world, client, organiser):
    client.force_login(world.organiser)
    for form in ("yaml", "json"):
        by_token = client.get(f"/api/v1/challenges/iqa/configuration.{form}", headers=organiser)
        assert by_token.content == client.get(f"/c/iqa/configuration.{form}").content
    assert by_token.json() == to_dict(world.challenge)
