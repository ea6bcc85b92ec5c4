"""Comparing reproductions runs on the queue `analysis`: it never delays a score."""

from uuid import UUID

from django.conf import settings

from challenge.core.tasks import durable_task


@durable_task(
    name="reports.compare",
    soft_limit=settings.ANALYSIS_SOFT_LIMIT_SECONDS,
    hard_limit=settings.ANALYSIS_HARD_LIMIT_SECONDS,
)
def compare_reproduction(reproduction_id: str) -> None:
    """Compare one reproduction if it waits for that; a second delivery finds it claimed or finished and returns."""
    from challenge.reports.reproduction_run import compare

    compare(UUID(reproduction_id))
