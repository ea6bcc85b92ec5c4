"""Every write to jobs that people ask for (`worker` has what workers do, `reconcile` what happens by itself)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.core import work
from challenge.jobs import tasks, worker
from challenge.jobs.claims import in_hand
from challenge.jobs.folders import make_folder, remove_folder
from challenge.jobs.kinds import JobKind, kind_of, stage_of
from challenge.jobs.models import Doubt, Job, JobEvent, JobItem
from challenge.jobs.states import FINAL, JobState, transition


class JobRefused(Exception):
    """It cannot be done with the job as it is; the text says why."""


def create(*, kind: JobKind, title: str, cleaned: Mapping[str, Any], actor: User) -> Job:
    """Store a job and call a worker for it. Files of the form are in its folder before its row is there.

    Raises InvalidParameters, and leaves nothing behind.
    """
    job_id = uuid.uuid4()
    try:
        parameters = kind.parameters(cleaned, make_folder(job_id))
        with transaction.atomic():
            job = Job.objects.create(
                id=job_id,
                kind=kind.name,
                title=title.strip()[:120] or kind.title,
                parameters=parameters,
                priority=kind.priority,
                created_by=actor,
            )
            JobEvent.objects.create(job=job, from_state="", to_state=JobState.WAITING, actor=actor, text="started")
            record(actor, Act.JOB, job, after={"state": job.state})
            _ring_after_commit(job)
    except BaseException:
        remove_folder(job_id)
        raise
    return job


def pause(job: Job, actor: User) -> None:
    """Begin no further batch; the one in hand is finished. Raises JobRefused when it neither waits nor runs."""
    if not transition(_rows(job), to=JobState.PAUSED, reason="paused", actor=actor):
        raise JobRefused(_as_it_is(job, "cannot be paused"))


def resume(job: Job, actor: User) -> None:
    """Go on with a paused job. Raises JobRefused when it is not paused."""
    with transaction.atomic():
        _make_wait(job, JobState.PAUSED, "goes on", actor)


def cancel(job: Job, actor: User) -> None:
    """End a job for good: at once, or when the batch in hand is finished. What it has made stays until it is deleted.

    Raises JobRefused when it is over already.
    """
    rows = _rows(job)
    if not transition(rows, to=JobState.CANCELLING, reason="cancelled", actor=actor, finished_at=None):
        raise JobRefused(_as_it_is(job, "cannot be cancelled"))
    worker.settle(job)


def retry(job: Job, actor: User) -> int:
    """Have a job that failed go on where it stopped, its failed items once more; how many those are.

    Raises JobRefused when it has not failed.
    """
    with transaction.atomic():
        _make_wait(job, JobState.FAILED, "tried again", actor)
        failed = JobItem.objects.filter(job=job, state=JobItem.State.FAILED)
        return failed.update(state=JobItem.State.WAITING, attempts=0, problem="", finished_at=None)


def skip(job: Job, actor: User) -> int:
    """Have a job that failed go on without the items that failed; how many are left out.

    Raises JobRefused when it has not failed, or its stage needs every item.
    """
    kind = kind_of(job.kind)
    stage = stage_of(kind, job.stage) if kind else None
    if stage is None or not stage.can_skip:
        raise JobRefused("This stage needs every item: try again, or cancel the job.")
    with transaction.atomic():
        failed = JobItem.objects.filter(job=job, stage=job.stage, state=JobItem.State.FAILED)
        number = failed.count()
        _make_wait(job, JobState.FAILED, f"goes on without {number:,} {stage.unit}", actor)
        return failed.update(state=JobItem.State.SKIPPED)


def delete(job: Job, actor: User) -> None:
    """Remove a job that is over, paused or failed, and its folder. Raises JobRefused otherwise.

    The folder goes after the row: what is left of it when that is cut short, the reconciler removes.
    """
    with transaction.atomic():
        row = Job.objects.select_for_update().get(pk=job.pk)
        if row.state not in {*FINAL, JobState.FAILED, JobState.PAUSED} or in_hand(row).exists():
            raise JobRefused(_as_it_is(job, "cannot be deleted: cancel it first"))
        record(actor, Act.JOB_DELETED, row, before={"state": row.state})
        row.delete()
        transaction.on_commit(lambda: remove_folder(job.pk))


def decide(job: Job, doubts: Iterable[int], decision: str, actor: User) -> int:
    """Accept, reject or reopen prompts in doubt; how many. Raises JobRefused once the decisions are used."""
    if job.state != JobState.PAUSED:
        raise JobRefused("Decisions count while the job is paused for them.")
    decided: dict[str, Any] = {"decided_by": actor, "decided_at": timezone.now()}
    if decision == Doubt.Decision.UNDECIDED:
        decided = {"decided_by": None, "decided_at": None}
    return Doubt.objects.filter(job=job, pk__in=list(doubts)).update(decision=Doubt.Decision(decision), **decided)


def _rows(job: Job) -> Any:
    return Job.objects.filter(pk=job.pk)


def _make_wait(job: Job, source: JobState, reason: str, actor: User) -> None:
    rows = Job.objects.filter(pk=job.pk, state=source)
    changes: dict[str, Any] = {"finished_at": None, "failure": "", "rings": 0}
    if not transition(rows, to=JobState.WAITING, reason=reason, actor=actor, **changes):
        raise JobRefused(_as_it_is(job, "cannot go on"))
    _ring_after_commit(job)


def _ring_after_commit(job: Job) -> None:
    transaction.on_commit(lambda: work.ring(Job, tasks.work, job.pk))


def _as_it_is(job: Job, refusal: str) -> str:
    job.refresh_from_db(fields=["state"])
    return f"The job is {job.get_state_display().lower()} and {refusal}."
