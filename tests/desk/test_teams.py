"""What organisers grant a team beyond its quota, and what they note about it."""

import datetime

import pytest
from django.utils import timezone

from challenge.audit.models import Act, AuditEntry
from challenge.contests.models import Phase
from challenge.desk.models import TeamNote
from challenge.submissions.intake import SubmissionRefused
from challenge.submissions.models import QuotaGrant
from challenge.submissions.quota import GrantRefused, grant, quota_of, utc_day

ODD = "The server was down for you."


@pytest.fixture
def phase(world):
    """The development phase with one file a day and two in all."""
    Phase.objects.filter(pk=world.development.pk).update(daily_quota=1, total_quota=2)
    world.development.refresh_from_db()
    return world.development


def give(world, phase, slots=1, days=0, **changes):
    day = utc_day(timezone.now()) + datetime.timedelta(days=days)
    options = {"team": world.team, "phase": phase, "slots": slots, "day": day, "reason": ODD}
    return grant(**{**options, "actor": world.organiser, **changes})


def test_a_grant_lets_the_team_send_more_on_that_day_and_nobody_else(world, phase, rung):
    """Codabench #2031: organisers want to give a single team its submissions back."""
    world.submit()
    world.submit(world.mallory)
    with pytest.raises(SubmissionRefused, match="1 of 1"):
        world.submit()
    give(world, phase)
    world.submit()
    with pytest.raises(SubmissionRefused, match="2 of 2"):
        world.submit()
    with pytest.raises(SubmissionRefused, match="1 of 1"):
        world.submit(world.mallory)


def test_the_total_is_raised_for_good_the_day_only_for_its_day(world, phase):
    now = timezone.now()
    give(world, phase, slots=3, days=1)
    today, tomorrow = (quota_of(world.team, phase, now + datetime.timedelta(days=day)) for day in (0, 1))
    assert (today.daily_limit, today.total_limit) == (1, 5)
    assert (tomorrow.daily_limit, tomorrow.total_limit) == (4, 5)
    assert quota_of(world.other_team, phase, now).total_limit == 2
    assert quota_of(world.team, world.final, now).total_limit == world.final.total_quota


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reason": " "}, "Give a reason"),
        ({"slots": 0}, "Grant 1 to 100"),
        ({"slots": 101}, "Grant 1 to 100"),
    ],
)
def test_a_grant_that_makes_no_sense_is_refused(world, phase, change, message):
    with pytest.raises(GrantRefused, match=message):
        give(world, phase, **change)
    assert not QuotaGrant.objects.exists()


def test_nothing_is_granted_where_nothing_limits_or_to_a_team_of_another_challenge(world, phase):
    Phase.objects.filter(pk=phase.pk).update(daily_quota=None, total_quota=None)
    phase.refresh_from_db()
    with pytest.raises(GrantRefused, match="no quota"):
        give(world, phase)
    phase.challenge_id = world.team.pk
    with pytest.raises(GrantRefused, match="does not submit"):
        give(world, phase)


def test_the_team_reads_what_it_was_granted_and_why(client, world, phase):
    client.force_login(world.organiser)
    page = f"/c/iqa/desk/teams/{world.team.pk}/"
    data = {"what": "grant", "phase": phase.pk, "slots": 2, "day": f"{timezone.now():%Y-%m-%d}", "reason": ODD}
    assert client.post(page, data).status_code == 302
    entry = AuditEntry.objects.get(act=Act.QUOTA_GRANTED)
    assert (entry.actor, entry.reason, entry.after["slots"]) == (world.organiser, ODD, 2)
    client.force_login(world.alice)
    for own in ("/c/iqa/submissions/", "/c/iqa/development/submit/"):
        text = client.get(own).content.decode()
        assert ODD in text
        assert "2 extra from the organisers" in text
    client.force_login(world.mallory)
    assert ODD not in client.get("/c/iqa/submissions/").content.decode()


def test_a_refused_grant_is_shown_beside_its_field(client, world, phase):
    client.force_login(world.organiser)
    page = f"/c/iqa/desk/teams/{world.team.pk}/"
    data = {"what": "grant", "phase": phase.pk, "slots": 2, "day": "soon", "reason": ODD}
    answer = client.post(page, data)
    assert answer.status_code == 422
    assert "day" in answer.context["grant_form"].errors


def test_notes_are_for_organisers_and_the_log_holds_no_word_of_them(client, world):
    client.force_login(world.organiser)
    page = f"/c/iqa/desk/teams/{world.team.pk}/"
    client.post(page, {"what": "note", "text": "Asked about extra data."})
    assert b"Asked about extra data." in client.get(page).content
    entry = AuditEntry.objects.get(act=Act.TEAM_NOTE)
    assert "extra data" not in f"{entry.name} {entry.reason} {entry.after}"
    for user in (world.alice, world.mallory, world.other_organiser):
        client.force_login(user)
        assert client.get(page).status_code == 404
        assert b"extra data" not in client.get("/c/iqa/team/").content
    client.force_login(world.organiser)
    client.post(page, {"what": "remove", "note": TeamNote.objects.get().pk})
    assert not TeamNote.objects.exists()
    assert AuditEntry.objects.filter(act=Act.TEAM_NOTE).count() == 2
