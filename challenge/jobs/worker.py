"""What a worker does when it is called: one batch of the job whose turn it is, or the step to the next stage.

Jobs are done one after the other, by priority and age, as long as the first has something free: a worker keeps one
model loaded, and two jobs in turns would have it load at every batch. Whoever takes a batch hands the bell on before it
begins, so that as many workers join as there are batches; whoever ends the last one rings for the next stage.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import structlog
from django.db import Error, transaction
from django.utils import timezone

from challenge.core import work
from challenge.jobs import claims, tasks
from challenge.jobs.claims import Claim, claim_batch, free_items, in_hand, write_results
from challenge.jobs.folders import make_folder
from challenge.jobs.kinds import (
    Batch,
    Finished,
    ItemResult,
    JobFailed,
    JobKind,
    PeopleNeeded,
    Stage,
    Task,
    WorkerUnusable,
    kind_of,
    next_stage,
    stage_of,
)
from challenge.jobs.models import Job, JobEvent, JobItem
from challenge.jobs.states import JobState, transition

log = structlog.get_logger(__name__)

OURS = "Something went wrong on our side; the worker's log has the details."
CHUNK = 500


def work_once(end_worker: Callable[[], None] | None = None) -> bool:
    """Do one batch; False when no job has any to do.

    `end_worker` ends this process: when a batch takes longer than its stage allows, or nothing more can be done here.
    """
    for job in Job.objects.filter(state__in=(JobState.WAITING, JobState.RUNNING)).order_by("-priority", "created_at"):
        kind = kind_of(job.kind)
        claim = _next_batch(job, kind)
        if kind is not None and claim is not None:
            handed_on = _hand_on(job)
            _do(job, kind, claim, end_worker)
            _afterwards(job, handed_on=handed_on)
            return True
    return False


def _next_batch(job: Job, kind: JobKind | None) -> Claim | None:
    """The next batch of a job, of its next stage if need be; None when it has none now."""
    rows = Job.objects.filter(pk=job.pk)
    transition(rows, to=JobState.RUNNING, reason="a worker began", started_at=job.started_at or timezone.now())
    if kind is None:
        fail(job, f"This version of the site knows no job of the kind {job.kind}.")
        return None
    while True:
        job.refresh_from_db()
        if job.state != JobState.RUNNING:
            return None
        if job.stage and (claim := claim_batch(job)):
            return claim
        if job.stage and not _is_over(job):
            return None
        if not _step(job, kind):
            return None


def _is_over(job: Job) -> bool:
    return not JobItem.objects.filter(job=job, stage=job.stage, state__in=claims.UNFINISHED).exists()


def _step(job: Job, kind: JobKind) -> bool:
    """End the stage and begin the next; False when the job went no further. Two workers at once do no harm."""
    failed = JobItem.objects.filter(job=job, stage=job.stage, state=JobItem.State.FAILED)
    if job.stage and (number := failed.count()):
        text = failed.order_by("position").values_list("problem", flat=True)[0]
        fail(job, f"{number:,} of the stage {job.stage} failed. The first: {text}")
        return False
    try:
        if job.stage:
            kind.finish_stage(_task(job), job.stage, _finished(job))
        following = next_stage(kind, job.stage)
        if following:
            _make_items(job, kind, following)
    except JobFailed as error:
        fail(job, str(error))
        return False
    except Error:
        raise  # of the database: the reconciler calls again
    except Exception as error:
        log.exception("a stage could not be ended or begun", job=str(job.pk), stage=job.stage)
        fail(job, f"{OURS} ({type(error).__name__} after the stage {job.stage or 'of the parameters'})")
        return False
    rows = Job.objects.filter(pk=job.pk, stage=job.stage)
    if following is None:
        transition(rows, to=JobState.DONE, reason="all stages are done", finished_at=timezone.now())
        return False
    with transaction.atomic():
        if rows.filter(state=JobState.RUNNING).update(stage=following.name):
            note(job, f"{following.title}: {_count(job, following):,} to do")
    return True


def _make_items(job: Job, kind: JobKind, stage: Stage) -> None:
    """Idempotent: what is there stays, so a job that was begun twice has each item once."""
    rows = []
    for position, item in enumerate(kind.items(_task(job), stage.name)):
        columns = {"key": item.key, "group": item.group, "cost": item.cost, "parameters": dict(item.parameters)}
        rows.append(JobItem(job=job, stage=stage.name, position=position, **columns))
    JobItem.objects.bulk_create(rows, batch_size=CHUNK, ignore_conflicts=True)


def _count(job: Job, stage: Stage) -> int:
    return JobItem.objects.filter(job=job, stage=stage.name).count()


def _finished(job: Job) -> Iterator[Finished]:
    rows = JobItem.objects.filter(job=job, stage=job.stage, state=JobItem.State.DONE).order_by("position")
    for row in rows.iterator(CHUNK):
        yield Finished(row.position, row.group, row.parameters, row.result)


def _task(job: Job) -> Task:
    return Task(str(job.pk), job.title, job.parameters, make_folder(job.pk))


def _hand_on(job: Job) -> bool:
    """Call another worker if there is a batch for it."""
    return free_items(job).exists() and work.ring(Job, tasks.work, job.pk)


def _do(job: Job, kind: JobKind, claim: Claim, end_worker: Callable[[], None] | None) -> None:
    """Do a batch outside any transaction; every way this can end leaves its items finished or free, never stuck."""
    stage = stage_of(kind, claim.stage)
    limit = stage.limit_seconds if stage else 0.0
    try:
        with work.heartbeat(claim.rows, longest=limit), _watched(limit, end_worker):
            batch = Batch(_task(job), claim.stage, claim.items, went_on=claim.went_on)
            write_results(claim, _checked(kind.run(batch), claim))
    except JobFailed as error:
        with transaction.atomic():
            if claims.put_back(claim):
                fail(job, str(error))
    except PeopleNeeded as error:
        with transaction.atomic():
            if claims.put_back(claim, asked=True):
                error.before()
                transition(Job.objects.filter(pk=job.pk), to=JobState.PAUSED, reason=str(error))
    except Error:
        raise  # of the database: nothing can be written now; the lease expires and the reconciler calls again
    except (SystemExit, KeyboardInterrupt):
        claims.put_back(claim)  # the worker is told to stop at once: another need not wait for the lease to run out
        raise
    except Exception as error:
        log.exception("a batch failed", job=str(job.pk), stage=claim.stage, attempt=claim.items[0].attempt)
        problem = f"{type(error).__name__}: {error}"[:500]
        claims.give_back(claim, problem)
        note(job, f"A batch of the stage {claim.stage} failed: {problem}")
        if isinstance(error, WorkerUnusable) and end_worker is not None:
            end_worker()


def _checked(results: Sequence[ItemResult], claim: Claim) -> Sequence[ItemResult]:
    if len(results) != len(claim.items):
        raise RuntimeError(f"{len(results)} results for {len(claim.items)} items")
    return results


@contextlib.contextmanager
def _watched(seconds: float, end_worker: Callable[[], None] | None) -> Iterator[None]:
    if end_worker is None:
        yield
        return
    timer = threading.Timer(seconds, end_worker)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _afterwards(job: Job, *, handed_on: bool) -> None:
    """End what waited for this batch only, and call a worker for what nobody was called for."""
    settle(job)
    job.refresh_from_db()
    if job.state != JobState.RUNNING:
        # The next job's turn, if there is one.
        waiting = Job.objects.filter(state__in=(JobState.WAITING, JobState.RUNNING)).order_by("-priority", "created_at")
        if not handed_on and (other := waiting.first()):
            work.ring(Job, tasks.work, other.pk)
    elif _is_over(job) or (not handed_on and free_items(job).exists()):
        work.ring(Job, tasks.work, job.pk)


def settle(job: Job) -> bool:
    """End a job that is being cancelled once no worker has a batch of it in hand."""
    if in_hand(job).exists():
        return False
    with transaction.atomic():
        ended: bool = transition(
            Job.objects.filter(pk=job.pk, state=JobState.CANCELLING),
            to=JobState.CANCELLED,
            reason="no worker has anything of it in hand",
            finished_at=timezone.now(),
        )
        if ended:
            lost = JobItem.objects.filter(job=job, state=JobItem.State.RUNNING)
            lost.update(state=JobItem.State.WAITING, **work.FREED)
    return ended


def fail(job: Job, text: str) -> bool:
    """Stop a running job with a reason; somebody may have it go on."""
    rows = Job.objects.filter(pk=job.pk)
    changes: dict[str, Any] = {"failure": text, "finished_at": timezone.now()}
    return transition(rows, to=JobState.FAILED, reason=text, **changes)


def note(job: Job, text: str) -> None:
    """Write something worth knowing into the job's log."""
    state = JobState.RUNNING
    JobEvent.objects.create(job=job, from_state=state, to_state=state, text=text[:1000])
