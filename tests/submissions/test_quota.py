"""Quotas: counted in UTC days and per phase, given back with a reason, never exceeded."""

import datetime

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from challenge.submissions.intake import SubmissionRefused, quota_for
from challenge.submissions.models import Submission
from challenge.submissions.quota import QuotaSpent, quota_of, take_slots, utc_day
from challenge.submissions.services import fail, withdraw


@pytest.fixture
def phase(world):
    world.development.daily_quota, world.development.total_quota = 2, 3
    world.development.opens_at -= datetime.timedelta(days=30)
    world.development.save()
    return world.development


def noon(days_ago: int) -> datetime.datetime:
    today = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
    return today - datetime.timedelta(days=days_ago)


def test_a_daily_quota_ends_at_midnight_utc(world, phase):
    evening = noon(3).replace(hour=23, minute=59, second=59)
    world.submit(began_at=evening)
    world.submit(began_at=evening)
    with pytest.raises(SubmissionRefused, match=r"next one is possible from .* 00:00 UTC"):
        world.submit(began_at=evening)
    world.submit(began_at=evening + datetime.timedelta(seconds=1))


def test_a_total_quota_is_final(world, phase):
    for days_ago in (3, 2, 1):
        world.submit(began_at=noon(days_ago))
    with pytest.raises(SubmissionRefused, match=r"all submissions of this phase \(3 of 3\)"):
        world.submit(began_at=noon(0) - datetime.timedelta(hours=12))


def test_a_team_shares_its_quota_and_another_team_has_its_own(world, phase):
    at = noon(1)
    world.submit(began_at=at)
    world.submit(user=world.bob, began_at=at)
    with pytest.raises(SubmissionRefused):
        world.submit(began_at=at)
    world.submit(user=world.mallory, began_at=at)


@pytest.mark.parametrize("give_back", ["withdraw", "fail"])
def test_a_slot_that_is_given_back_can_be_used_again(world, phase, give_back):
    at = noon(1)
    first = world.submit(began_at=at)
    world.submit(began_at=at)
    if give_back == "withdraw":
        assert withdraw(first, world.alice)
    else:
        assert fail(Submission.objects.filter(pk=first.pk), "our fault")
    first.refresh_from_db()
    assert (first.day_slot, first.phase_slot) == (None, None)
    assert first.refund_reason
    again = world.submit(began_at=at)
    assert (again.day_slot, again.phase_slot) == (1, 1)


def test_what_remains_and_when_it_resets_is_told(world, phase):
    at = noon(1)
    world.submit(began_at=at)
    quota = quota_for(phase, world.bob, at)
    assert (quota.daily_used, quota.total_used, quota.remaining) == (1, 1, 1)
    assert quota.resets_at == noon(0).replace(hour=0)
    assert quota_for(phase, world.outsider, at) is None


def test_no_quota_means_no_limit(world):
    world.development.daily_quota = world.development.total_quota = None
    world.development.save()
    assert quota_for(world.development, world.alice, noon(0)).remaining is None
    for seed in range(7):
        world.submit(seed=seed)


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=14))
def test_whatever_is_sent_and_given_back_no_limit_is_ever_passed(world, phase, steps):
    """Each step sends a file on one of four days, or gives the oldest one back that still has a slot."""
    Submission.objects.all().delete()
    for number, (days_ago, gives_back) in enumerate(steps):
        if gives_back:
            held = Submission.objects.filter(phase_slot__isnull=False).order_by("created_at").first()
            if held:
                fail(Submission.objects.filter(pk=held.pk), "x")
            continue
        at = noon(days_ago)
        try:
            day_slot, phase_slot = take_slots(world.team, phase, at)
        except QuotaSpent:
            spent = quota_of(world.team, phase, at)
            assert spent.daily_used >= 2 or spent.total_used >= 3
            continue
        Submission.objects.create(
            phase=phase,
            team=world.team,
            status="queued",
            file_name="x",
            file_size=1,
            sha256="0",
            rows=1,
            received_at=at,
            quota_day=utc_day(at),
            day_slot=day_slot,
            phase_slot=phase_slot,
            idempotency_key=str(number),
        )
        quota = quota_of(world.team, phase, at)
        assert quota.daily_used <= 2
        assert quota.total_used <= 3
