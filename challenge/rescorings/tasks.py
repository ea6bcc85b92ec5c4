"""Rescoring runs on the queue `analysis`, in slices: it never delays a new score, and other work gets its turn."""

from uuid import UUID

from django.conf import settings

from challenge.core.tasks import durable_task


@durable_task(
    name="rescorings.rescore",
    soft_limit=settings.ANALYSIS_SOFT_LIMIT_SECONDS,
    hard_limit=settings.ANALYSIS_HARD_LIMIT_SECONDS,
)
def rescore(rescoring_id: str) -> None:
    """Go on with one rescoring if it waits for that; a second delivery finds it claimed or finished and returns."""
    from challenge.rescorings.rescoring_run import rescore as do

    do(UUID(rescoring_id))
