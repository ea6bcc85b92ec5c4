"""How workers take batches: by compare-and-swap, under a lease with a fencing token, and write back under the token.

Two workers never hold one item, and a worker whose lease ran out writes nothing.
"""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Sequence

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from challenge.core.work import FREED, lease_end
from challenge.jobs.kinds import Item, ItemResult
from challenge.jobs.models import Job, JobItem
from challenge.jobs.states import JobState

log = structlog.get_logger(__name__)

WAITING, RUNNING = JobItem.State.WAITING, JobItem.State.RUNNING
UNFINISHED = (WAITING, RUNNING)


@dataclasses.dataclass(frozen=True)
class Claim:
    """The right to do some items, as long as their lease is renewed."""

    job_id: uuid.UUID
    stage: str
    token: uuid.UUID
    items: tuple[Item, ...]
    went_on: bool

    @property
    def rows(self) -> QuerySet[JobItem]:
        """The items that this claim still holds."""
        return JobItem.objects.filter(job=self.job_id, state=RUNNING, lease_token=self.token)


def free_items(job: Job, now: datetime.datetime | None = None) -> QuerySet[JobItem]:
    """Items of the job's stage that nobody holds: waiting, or with a lease that ran out."""
    lost = Q(state=RUNNING, lease_expires_at__lt=now or timezone.now())
    return JobItem.objects.filter(
        Q(state=WAITING) | lost, job=job, stage=job.stage, attempts__lt=settings.SCORING_MAX_ATTEMPTS
    )


def in_hand(job: Job) -> QuerySet[JobItem]:
    """Items that a worker holds and has not lost."""
    return JobItem.objects.filter(job=job, state=RUNNING, lease_expires_at__gte=timezone.now())


def claim_batch(job: Job) -> Claim | None:
    """Take the next batch of the job's stage, while it runs; None when nothing is free."""
    now, token = timezone.now(), uuid.uuid4()
    with transaction.atomic():
        # Locked: a pause comes either before this claim or after it, and no other worker claims at the same time.
        if not Job.objects.select_for_update().filter(pk=job.pk, state=JobState.RUNNING, stage=job.stage).exists():
            return None
        free = free_items(job, now)
        key = free.order_by("position").values_list("key", flat=True).first()
        lease = {"lease_token": token, "lease_expires_at": lease_end(now), "attempts": F("attempts") + 1}
        if key is None or not free.filter(key=key).update(state=RUNNING, **lease):
            return None
        held = list(JobItem.objects.filter(job=job, state=RUNNING, lease_token=token).order_by("position"))
    items = tuple(Item(i.position, i.key, i.group, i.parameters, i.attempts) for i in held)
    return Claim(job.pk, job.stage, token, items, any(i.asked for i in held))


def write_results(claim: Claim, results: Sequence[ItemResult]) -> bool:
    """Store what came of a batch, all or nothing; False, and nothing written, when the claim was lost meanwhile."""
    now = timezone.now()
    with transaction.atomic():
        rows = {row.position: row for row in claim.rows.select_for_update()}
        if len(rows) != len(claim.items):
            log.warning("claim lost; results thrown away", job=str(claim.job_id), stage=claim.stage)
            return False
        for item, result in zip(claim.items, results, strict=True):
            row = rows[item.position]
            row.result, row.problem = dict(result.result), result.problem
            row.lease_token = row.lease_expires_at = None
            if result.goes_on:
                row.state, row.attempts = WAITING, 0
            else:
                row.state = JobItem.State.FAILED if result.problem else JobItem.State.DONE
                row.finished_at = now
        columns = ["state", "result", "problem", "finished_at", "attempts", "lease_token", "lease_expires_at"]
        JobItem.objects.bulk_update(rows.values(), columns)
    return True


def give_back(claim: Claim, problem: str) -> None:
    """Let others try the items again; those tried too often fail with `problem`."""
    with transaction.atomic():
        spent = claim.rows.filter(attempts__gte=settings.SCORING_MAX_ATTEMPTS)
        spent.update(state=JobItem.State.FAILED, problem=problem, finished_at=timezone.now(), **FREED)
        claim.rows.update(state=WAITING, **FREED)


def put_back(claim: Claim, *, asked: bool = False) -> bool:
    """Put the items back as if nobody had tried; `asked` notes that a person was asked. False when the claim was
    lost."""
    noted = {"asked": True} if asked else {}
    return bool(claim.rows.update(state=WAITING, attempts=F("attempts") - 1, **noted, **FREED))
