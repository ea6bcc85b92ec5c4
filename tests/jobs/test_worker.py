"""What a job does from its start to its end, and all the ways in which a batch can go wrong."""

import datetime
import threading

import pytest
from django.conf import settings
from django.utils import timezone

from challenge.jobs import services
from challenge.jobs.folders import folder_of
from challenge.jobs.kinds import ItemResult, JobFailed
from challenge.jobs.models import Job, JobItem
from challenge.jobs.reconcile import reconcile
from challenge.jobs.worker import work_once
from tests.jobs.conftest import drain
from tests.jobs.squares import lines, raising

pytestmark = pytest.mark.django_db


def states(job: Job) -> dict[str, int]:
    """{state: number of items} of the stage of squares."""
    found = JobItem.objects.filter(job=job, stage="square").values_list("state", flat=True)
    return {state: list(found).count(state) for state in set(found)}


def lose_leases() -> None:
    """As if every worker had been killed, and the time of the leases were over."""
    past = timezone.now() - datetime.timedelta(seconds=1)
    JobItem.objects.filter(state="running").update(lease_expires_at=past)
    Job.objects.update(next_ring_at=past)


def test_a_job_goes_through_its_stages_and_is_done(start, bells):
    job = start(7)
    assert bells == [str(job.pk)]
    drain()
    job.refresh_from_db()
    assert (job.state, job.failure) == ("done", "")
    assert job.started_at <= job.finished_at
    assert JobItem.objects.get(job=job, stage="sum").result == {"sum": sum(n * n for n in range(7))}
    assert lines(folder_of(job.pk)) == 7
    texts = list(job.events.values_list("text", flat=True))
    assert texts[::-1] == ["started", "a worker began", "Squares: 7 to do", "Sum: 1 to do", "all stages are done"]


def test_a_batch_is_the_items_of_one_key(start, squares):
    seen = []
    squares.before = lambda batch: seen.append([item.position for item in batch.items])
    start(7)
    drain()
    assert seen == [[0, 1, 2], [3, 4, 5], [6], [0]]


def test_a_stage_without_items_is_passed(start):
    job = start(0)
    drain()
    job.refresh_from_db()
    assert job.state == "done"


def test_the_bell_is_handed_on_before_a_batch_begins_and_rung_for_the_next_stage(start, squares, bells):
    start(7)
    bells.clear()
    heard = []
    squares.before = lambda batch: heard.append(len(bells))
    drain()
    # One before each batch but the last of the squares, one for the sum, one to end the job.
    assert heard == [1, 2, 2, 3]
    assert len(bells) == 4


def test_jobs_are_done_one_after_the_other_unless_one_is_short(start, squares):
    seen = []
    squares.before = lambda batch: seen.append(batch.task.id)
    first, second = start(4), start(2)
    squares.priority = 1
    short = start(1)
    drain()
    assert list(dict.fromkeys(seen)) == [str(short.pk), str(first.pk), str(second.pk)]


def test_pause_cancel_and_resume_act_within_one_batch(start, squares, admin):
    job = start(9)
    squares.before = lambda batch: services.pause(job, admin)
    assert drain() == 1
    assert states(job) == {"done": 3, "waiting": 6}
    squares.before = lambda batch: None
    assert not work_once()

    services.resume(job, admin)
    squares.before = lambda batch: services.cancel(job, admin)
    assert drain() == 1
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert states(job) == {"done": 6, "waiting": 3}
    with pytest.raises(services.JobRefused, match="cannot go on"):
        services.resume(job, admin)


def test_while_a_batch_is_in_hand_a_cancelled_job_waits_for_it(start, squares, admin):
    job = start(3)
    seen = []

    def cancel(_batch):
        services.cancel(job, admin)
        seen.append(Job.objects.get(pk=job.pk).state)

    squares.before = cancel
    drain()
    assert seen == ["cancelling"]
    assert Job.objects.get(pk=job.pk).state == "cancelled"
    assert states(job) == {"done": 3}


def test_an_error_is_tried_again_and_the_batch_done_as_it_was(start, squares):
    job = start(3)
    squares.before = raising(OSError("the disk hiccuped"))
    drain()
    job.refresh_from_db()
    assert job.state == "done"
    assert "OSError: the disk hiccuped" in " ".join(job.events.values_list("text", flat=True))


def test_an_item_that_goes_on_is_called_again_and_each_slice_has_all_its_attempts(start, squares, monkeypatch, admin):
    job = start(1)
    attempts = []

    def run(batch):
        attempts.append(batch.items[0].attempt)
        if len(attempts) == 2:
            raise RuntimeError("a slice that went wrong")
        return [ItemResult({"slices": len(attempts), "square": 0}, goes_on=len(attempts) < 4)]

    monkeypatch.setattr(squares, "run", run)
    assert work_once()
    item = job.items.get()
    assert (item.state, item.result["slices"], item.finished_at) == ("waiting", 1, None)
    job.refresh_from_db()
    services.pause(job, admin)  # acts between two slices
    assert not work_once()
    services.resume(job, admin)
    for _ in range(3):
        assert work_once()
    item.refresh_from_db()
    assert (item.state, item.result["slices"], attempts) == ("done", 4, [1, 1, 2, 1])


def test_what_fails_each_time_fails_the_job_which_can_be_tried_again(start, squares, admin):
    job = start(7)
    squares.before = raising(OSError("no disk"), times=settings.SCORING_MAX_ATTEMPTS)
    drain()
    job.refresh_from_db()
    assert job.state == "failed"
    assert job.failure == "3 of the stage square failed. The first: OSError: no disk"
    assert states(job) == {"failed": 3, "done": 4}
    assert services.retry(job, admin) == 3
    drain()
    job.refresh_from_db()
    assert (job.state, job.failure) == ("done", "")
    assert lines(folder_of(job.pk)) == 7  # nothing that was finished was done twice


def test_a_job_may_go_on_without_what_failed(start, admin):
    job = start(7, fail=[4])
    drain()
    assert services.skip(Job.objects.get(pk=job.pk), admin) == 1
    drain()
    job.refresh_from_db()
    assert job.state == "done"
    assert JobItem.objects.get(job=job, stage="sum").result == {"sum": sum(n * n for n in range(7) if n != 4)}
    assert states(job) == {"done": 6, "skipped": 1}


def test_what_the_whole_job_lacks_stops_it_at_once_and_uses_up_no_attempt(start, squares, admin):
    job = start(7)
    squares.before = raising(JobFailed("torch is missing: run `make gpu`"))
    drain()
    job.refresh_from_db()
    assert (job.state, job.failure) == ("failed", "torch is missing: run `make gpu`")
    assert states(job) == {"waiting": 7}
    assert set(job.items.values_list("attempts", flat=True)) == {0}
    services.retry(job, admin)
    drain()
    assert Job.objects.get(pk=job.pk).state == "done"


def test_a_job_that_needs_people_is_paused_and_asks_once(start, admin):
    job = start(3, ask=True)
    drain()
    job.refresh_from_db()
    assert job.state == "paused"
    assert job.events.first().text == "May I add?"
    services.resume(job, admin)
    drain()
    job.refresh_from_db()
    assert job.state == "done"


def test_a_killed_worker_loses_the_batch_in_hand_only(start, squares, bells):
    job = start(7)
    work_once()
    squares.before = raising(SystemError("killed"))
    work_once()
    JobItem.objects.filter(job=job, position__in=(3, 4, 5)).update(
        state="running", lease_token=job.pk, lease_expires_at=timezone.now() + datetime.timedelta(seconds=20)
    )
    bells.clear()
    Job.objects.update(next_ring_at=timezone.now())
    assert reconcile() == 0  # the lease holds: nobody knows yet
    lose_leases()
    assert reconcile() == 1
    assert bells == [str(job.pk)]
    drain()
    assert Job.objects.get(pk=job.pk).state == "done"
    assert lines(folder_of(job.pk)) == 7


def test_a_worker_that_lost_its_claim_writes_nothing(start, squares):
    job = start(3)

    def lose_and_let_another_do_it(_batch):
        squares.before = lambda batch: None
        lose_leases()
        work_once()

    squares.before = lose_and_let_another_do_it
    work_once()
    assert states(job) == {"done": 3}
    assert lines(folder_of(job.pk)) == 6  # both worked, one was written
    assert set(job.items.filter(stage="square").values_list("attempts", flat=True)) == {2}


def test_what_kills_its_worker_each_time_fails(start, squares):
    job = start(3)
    work_once()
    JobItem.objects.filter(job=job, stage="square").update(
        state="running", lease_token=job.pk, lease_expires_at=timezone.now(), attempts=settings.SCORING_MAX_ATTEMPTS
    )
    lose_leases()
    reconcile()
    drain()
    job.refresh_from_db()
    assert job.state == "failed"
    assert "out of memory" in job.failure


def test_a_batch_that_hangs_has_its_worker_ended(start, squares):
    start(3)
    hung, released = threading.Event(), threading.Event()
    squares.stages = (squares.stages[0].__class__("square", "Squares", limit_seconds=0.05), squares.stages[1])
    squares.before = lambda batch: released.wait(5)

    def on_hang() -> None:
        hung.set()
        released.set()

    work_once(on_hang)
    assert hung.is_set()


def test_the_reconciler_rings_for_what_was_forgotten_and_not_twice(start, bells):
    job = start(3)
    bells.clear()
    assert reconcile() == 0  # somebody was called a moment ago
    Job.objects.update(next_ring_at=timezone.now())
    assert (reconcile(), reconcile()) == (1, 0)
    assert bells == [str(job.pk)]


def test_a_deleted_job_takes_its_folder_along(start, admin, django_capture_on_commit_callbacks):
    job = start(3)
    with pytest.raises(services.JobRefused, match="cancel it first"):
        services.delete(job, admin)
    drain()
    folder = folder_of(job.pk)
    assert folder.exists()
    with django_capture_on_commit_callbacks(execute=True):
        services.delete(job, admin)
    assert not folder.exists()
    assert not Job.objects.exists()


def test_a_kind_that_is_gone_fails_with_a_sentence(start):
    job = start(3)
    Job.objects.update(kind="alchemy")
    assert not work_once()
    job.refresh_from_db()
    assert (job.state, job.failure) == ("failed", "This version of the site knows no job of the kind alchemy.")
