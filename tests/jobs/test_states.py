"""The transition table of jobs: what may happen, and that in whatever order it happens nothing is lost or doubled."""

import datetime
import itertools

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from challenge.jobs import services
from challenge.jobs.folders import folder_of
from challenge.jobs.models import Job, JobItem
from challenge.jobs.reconcile import reconcile
from challenge.jobs.states import FINAL, TRANSITIONS, JobState
from challenge.jobs.states import transition as move
from challenge.jobs.worker import work_once
from tests.jobs.conftest import drain
from tests.jobs.squares import lines, raising

pytestmark = pytest.mark.django_db


def test_every_state_has_a_line_and_final_ones_lead_nowhere():
    assert set(TRANSITIONS) == set(JobState)
    assert {JobState.DONE, JobState.CANCELLED} == FINAL


def test_a_step_writes_one_event_with_who_and_why(start, admin):
    job = start(1)
    services.pause(job, admin)
    event = job.events.first()
    assert (event.from_state, event.to_state, event.actor, event.text) == ("waiting", "paused", admin, "paused")


def test_a_step_that_is_not_in_the_table_changes_nothing(start, admin):
    job = start(1)
    drain()
    events = job.events.count()
    assert not move(Job.objects.filter(pk=job.pk), to=JobState.WAITING, reason="no")
    for act in (services.pause, services.resume, services.cancel, services.retry):
        with pytest.raises(services.JobRefused, match="The job is done"):
            act(job, admin)
    assert job.events.count() == events


@pytest.mark.parametrize("columns", [{"state": "lost"}, {"state": "done"}, {"finished_at": timezone.now()}])
def test_the_database_refuses_a_job_that_cannot_be(start, columns):
    job = start(1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**columns)


@pytest.mark.parametrize("columns", [{"state": "running"}, {"state": "failed"}])
def test_the_database_refuses_an_item_that_cannot_be(start, columns):
    job = start(1)
    item = JobItem.objects.create(job=job, stage="square", position=9, key="k")
    with pytest.raises(IntegrityError), transaction.atomic():
        JobItem.objects.filter(pk=item.pk).update(**columns)


STEPS = ("work", "work", "work", "error", "die", "time passes", "pause", "resume", "cancel", "retry", "skip")


def act(step: str, job: Job, squares, admin) -> None:
    """One thing that can happen to a job; what is refused changes nothing."""
    squares.before = lambda batch: None
    if step == "die":  # as a killed process: the items stay claimed
        squares.before = raising(GeneratorExit())
    elif step == "error":
        squares.before = raising(OSError("no disk"))
    if step in ("work", "error", "die"):
        try:
            work_once()
        except GeneratorExit:
            return
    elif step == "time passes":
        JobItem.objects.filter(state="running").update(lease_expires_at=timezone.now() - datetime.timedelta(seconds=1))
        Job.objects.update(next_ring_at=timezone.now())
        reconcile()
    else:
        job.refresh_from_db()
        try:
            getattr(services, step)(job, admin)
        except services.JobRefused:
            return


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(STEPS), max_size=12), fail=st.sets(st.integers(0, 6), max_size=1))
def test_in_whatever_order_things_happen_the_history_is_a_path_and_the_work_is_done_once(
    start, squares, admin, steps, fail
):
    Job.objects.all().delete()
    job = start(7, fail=sorted(fail))
    for step in steps:
        act(step, job, squares, admin)
    # Then the sun shines: what can be finished is.
    for step in ("time passes", "resume", "work", "time passes", "retry", "work", "skip"):
        act(step, job, squares, admin)
        drain()
    drain()
    path = [(e.from_state, e.to_state) for e in job.events.order_by("at", "pk") if e.from_state != e.to_state]
    assert path[0] == ("", "waiting")
    for (_, arrived), (left, entered) in itertools.pairwise(path):
        assert left == arrived
        assert JobState(entered) in TRANSITIONS[JobState(left)]
    job.refresh_from_db()
    assert job.state == path[-1][1]
    assert job.state == ("cancelled" if ("cancelling", "cancelled") in path else "done")
    if job.state == "done":
        finished = job.items.filter(stage="square")
        assert {item.position for item in finished.filter(state="done")} == set(range(7)) - fail
        assert job.items.get(stage="sum").result["sum"] == sum(n * n for n in set(range(7)) - fail)
        assert lines(folder_of(job.pk)) == 7 - len(fail)
