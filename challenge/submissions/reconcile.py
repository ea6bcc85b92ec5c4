"""The reconciler: nothing accepted is ever forgotten (invariant 1).

Runs every few seconds in the scheduler, and as often as anybody likes elsewhere: each step is a conditional UPDATE.
"""

import dataclasses

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.db.models import QuerySet
from django.utils import timezone

from challenge.submissions.models import Submission
from challenge.submissions.scoring_run import INTERNAL_ERROR
from challenge.submissions.services import fail
from challenge.submissions.states import Status
from challenge.submissions.tasks import ring

log = structlog.get_logger(__name__)

BATCH = 500


@dataclasses.dataclass(frozen=True)
class Reconciled:
    """How many workers were called again, how many submissions were given up."""

    rung: int
    failed: int


def reconcile() -> Reconciled:
    """Give up what was tried too often; call a worker for what waits or whose worker was lost.

    1. Claimed, lease expired, attempts used up: failed, quota given back.
    2. Queued and due for another call, or claimed with an expired lease: call again. Stops at the first call that the
       broker does not take: the next round will find the rest.
    """
    now = timezone.now()
    lost = Submission.objects.filter(status=Status.SCORING, lease_expires_at__lt=now)
    queued = Submission.objects.filter(status=Status.QUEUED)
    failed = sum(_give_up(rows.filter(attempts__gte=settings.SCORING_MAX_ATTEMPTS)) for rows in (lost, queued))
    due = queued.filter(next_ring_at__lte=now)
    waiting = [
        *lost.filter(next_ring_at__lte=now).order_by("received_at").values_list("pk", "rings")[:BATCH],
        *due.order_by("received_at").values_list("pk", "rings")[:BATCH],
    ]
    rung = 0
    for pk, rings in waiting:
        try:
            if not ring(pk, rings):
                break
        except DatabaseError:  # one row that cannot be written must not keep the others waiting
            log.exception("could not ring", submission=str(pk))
            continue
        rung += 1
    if rung or failed:
        log.info("reconciled", rung=rung, failed=failed)
    return Reconciled(rung, failed)


def _give_up(rows: QuerySet[Submission]) -> int:
    """Fail each row that still matches when its turn comes; how many did."""
    return sum(fail(rows.filter(pk=pk), INTERNAL_ERROR) for pk in rows.values_list("pk", flat=True)[:BATCH])
