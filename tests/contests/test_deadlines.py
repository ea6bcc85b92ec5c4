"""Moving a deadline: the record, what moves with it, what is refused (who is told: tests/notices)."""

import datetime

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from challenge.contests.deadlines import ChangeRefused, change_deadline, freeze_board
from challenge.contests.models import PhaseEvent
from challenge.leaderboards.board import board
from challenge.notices.models import Notice
from tests.factories import make_phase

DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)


def extend(world, by=DAY, **options):
    phase = options.pop("phase", world.development)
    values = {"reason": "The server was down.", "actor": world.organiser, **options}
    return change_deadline(phase=phase, closes_at=phase.closes_at + by, **values)


# --- the change -------------------------------------------------------------------------------------------------------
def test_an_extension_moves_the_deadline_and_leaves_a_record(world):
    before = world.development.closes_at
    event = extend(world)
    world.development.refresh_from_db()
    assert world.development.closes_at == before + DAY
    assert (event.before, event.after, event.actor, event.reason, event.is_extension) == (
        before,
        before + DAY,
        world.organiser,
        "The server was down.",
        True,
    )


def test_late_files_and_the_choice_move_by_as_much(world):
    phase = world.final
    phase.late_until, phase.choice_until = phase.closes_at + DAY, phase.closes_at + 2 * DAY
    phase.save()
    extend(world, phase=phase, by=HOUR)
    phase.refresh_from_db()
    assert (phase.late_until - phase.closes_at, phase.choice_until - phase.closes_at) == (DAY, 2 * DAY)


def test_a_late_file_that_is_in_time_under_the_new_deadline_gets_its_rank(world):
    now = timezone.now()
    phase = make_phase(world.challenge, "short", closes_at=now - 2 * HOUR, late_until=now + DAY)
    late = world.scored(phase=phase, began_at=now - HOUR)
    still_late = world.scored(world.mallory, phase, began_at=now + 2 * HOUR)
    assert [row.rank for row in board(phase)] == [None, None]
    change_deadline(phase=phase, closes_at=now + HOUR, reason="Outage", actor=None)
    assert [(row.rank, row.submission_id) for row in board(phase)] == [(1, late.pk), (None, still_late.pk)]


def test_a_deadline_that_changes_while_a_late_file_is_taken_in_decides(world, monkeypatch):
    """The upload read the old deadline; the extension commits before the row is inserted."""
    from challenge.submissions import intake

    now = timezone.now()
    phase = make_phase(world.challenge, "short", closes_at=now - HOUR, late_until=now + DAY)
    stored = intake._stored_then

    def extended_meanwhile(submission, insert):
        twin = type(phase).objects.get(pk=phase.pk)
        change_deadline(phase=twin, closes_at=now + HOUR, reason="Outage", actor=None)
        return stored(submission, insert)

    monkeypatch.setattr(intake, "_stored_then", extended_meanwhile)
    assert not world.submit(phase=phase, began_at=now).is_late


def test_an_upload_that_began_before_a_shortened_deadline_is_in_time(world):
    began_at = timezone.now()
    soon = timezone.now() + datetime.timedelta(seconds=1)
    change_deadline(
        phase=world.development, closes_at=soon, reason="Venue", actor=world.organiser, confirms_shortening=True
    )
    assert not world.submit(began_at=began_at).is_late


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"by": 0 * DAY}, "closes_at"),
        ({"by": -HOUR}, "confirms_shortening"),
        ({"by": -20 * DAY, "confirms_shortening": True}, "closes_at"),
    ],
)
def test_what_is_refused_names_its_field_and_leaves_nothing(world, options, field):
    with pytest.raises(ChangeRefused) as refused:
        extend(world, **options)
    assert refused.value.field == field
    assert not PhaseEvent.objects.exists()
    assert not Notice.objects.exists()


def test_an_earlier_deadline_is_possible_once_confirmed_and_before_the_opening(world):
    assert not extend(world, by=-HOUR, confirms_shortening=True).is_extension
    world.final.opens_at = timezone.now() + HOUR
    world.final.save()
    extend(world, phase=world.final, by=-HOUR)


def test_the_administration_changes_no_deadline_of_a_phase_that_has_opened(world):
    world.development.closes_at += DAY
    with pytest.raises(ValidationError, match="tells the participants") as refused:
        world.development.full_clean()
    assert set(refused.value.message_dict) == {"closes_at"}
    world.development.opens_at = timezone.now() + HOUR
    world.development.save()
    world.development.closes_at += DAY
    world.development.full_clean()


# --- the pages --------------------------------------------------------------------------------------------------------
def test_the_page_moves_the_deadline_and_all_pages_say_so(client, world):
    client.force_login(world.organiser)
    closes_at = (world.development.closes_at + DAY).replace(microsecond=0)
    address = "/c/iqa/development/deadline/"
    sent = {"closes_at": f"{closes_at:%Y-%m-%dT%H:%M:%S}", "reason": "The <b>server</b> was down."}
    assert client.post(address, sent).status_code == 302
    world.development.refresh_from_db()
    assert world.development.closes_at == closes_at
    assert "The &lt;b&gt;server&lt;/b&gt; was down." in client.get(address).content.decode()
    client.force_login(world.alice)
    for page in ("/c/iqa/", "/c/iqa/development/submit/"):
        assert "Deadline extended" in client.get(page).content.decode()
    assert "Move the deadline" not in client.get("/c/iqa/").content.decode()


def test_the_page_refuses_with_the_reason_beside_its_field(client, world):
    client.force_login(world.organiser)
    earlier = world.development.closes_at - HOUR
    sent = {"closes_at": f"{earlier:%Y-%m-%dT%H:%M:%S}", "reason": "Venue"}
    response = client.post("/c/iqa/development/deadline/", sent)
    assert response.status_code == 422
    assert "This takes time away from participants" in response.content.decode()
    assert client.post("/c/iqa/development/deadline/", {**sent, "confirms_shortening": "on"}).status_code == 302


def test_an_organiser_without_staff_status_looks_on(client, world):
    world.challenge.organisers.add(world.outsider)
    client.force_login(world.outsider)
    assert client.get("/c/iqa/development/deadline/").status_code == 404
    assert client.post("/c/iqa/development/freeze/", {"frozen_at": "2030-01-01T00:00"}).status_code == 404


def test_the_page_freezes_a_board_and_opens_it(client, world):
    client.force_login(world.organiser)
    address = "/c/iqa/development/freeze/"
    too_early = client.post(address, {"frozen_at": "2026-01-01T00:00"})
    assert "choose a later moment" in too_early.content.decode()
    frozen_at = timezone.now() - HOUR
    sent = {"frozen_at": f"{frozen_at:%Y-%m-%dT%H:%M}", "reason": "The race"}
    assert client.post(address, sent).status_code == 302
    world.development.refresh_from_db()
    assert world.development.is_board_frozen
    assert client.post(address, {"frozen_at": ""}).status_code == 302
    world.development.refresh_from_db()
    assert world.development.board_frozen_at is None
    assert [event.reason for event in world.development.events.all()] == ["The race", "opened again"]
    with pytest.raises(ChangeRefused):
        freeze_board(phase=world.development, frozen_at=None, actor=None)
