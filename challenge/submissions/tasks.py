"""The scoring task and its doorbell."""

import datetime
from typing import Any
from uuid import UUID

from celery.signals import worker_init
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from challenge.core.tasks import durable_task, ring_bell
from challenge.submissions.models import Submission

RING_AGAIN_SECONDS = 15
LONGEST_RING_AGAIN_SECONDS = 60


@durable_task(
    name="submissions.score",
    soft_limit=settings.SCORING_SOFT_LIMIT_SECONDS,
    hard_limit=settings.SCORING_HARD_LIMIT_SECONDS,
)
def score_submission(submission_id: str) -> None:
    """Score one submission if it waits for that; a second delivery finds it claimed or final and returns."""
    from challenge.submissions.scoring_run import score

    score(UUID(submission_id))


def ring(submission_id: UUID, rings: int = 0) -> bool:
    """Call a worker for a submission and note when to call again, later each time, should none come.

    The note is written first: a worker that is faster than this process must not meet a row that is about to change.
    """
    wait = min(RING_AGAIN_SECONDS * 2**rings, LONGEST_RING_AGAIN_SECONDS)
    Submission.objects.filter(pk=submission_id).update(
        rings=F("rings") + 1, next_ring_at=timezone.now() + datetime.timedelta(seconds=wait)
    )
    return ring_bell(score_submission, submission_id)


@worker_init.connect
def import_before_forking(**_kwargs: Any) -> None:
    """Load numpy, scipy and the scorer once in the parent: children share the memory, the first score is as fast."""
    import challenge.submissions.scoring_run  # noqa: F401
    import scoring

    scoring.evaluate({f"{i}": float(i % 7) for i in range(20)}, {f"{i}": float(i) for i in range(20)}, bootstrap=0)
