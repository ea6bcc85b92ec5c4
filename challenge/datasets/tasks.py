"""Checking answer keys: on the scoring queue, because files wait for it and it is short."""

from uuid import UUID

from django.conf import settings

from challenge.core.tasks import durable_task


@durable_task(
    name="datasets.check_answer_key",
    soft_limit=settings.SCORING_SOFT_LIMIT_SECONDS,
    hard_limit=settings.SCORING_HARD_LIMIT_SECONDS,
)
def check_answer_key(key_id: str) -> None:
    """Check one answer key if it waits for that; a second delivery finds it claimed or finished and returns."""
    from challenge.datasets.key_check import check

    check(UUID(key_id))
