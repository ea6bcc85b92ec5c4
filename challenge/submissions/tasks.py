"""The scoring task and its doorbell."""

from typing import Any
from uuid import UUID

from celery.signals import worker_init
from django.conf import settings

from challenge.core import work
from challenge.core.tasks import durable_task
from challenge.submissions.models import Submission


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
    """Call a worker for a submission."""
    return work.ring(Submission, score_submission, submission_id, rings)


@worker_init.connect
def import_before_forking(**_kwargs: Any) -> None:
    """Load numpy, scipy and the scorer once in the parent: children share the memory, the first score is as fast."""
    import challenge.submissions.scoring_run  # noqa: F401
    import scoring

    scoring.evaluate({f"{i}": float(i % 7) for i in range(20)}, {f"{i}": float(i) for i in range(20)}, bootstrap=0)
