"""Tasks on the queue `analysis`, which a worker of its own serves at low priority."""

from uuid import UUID

from django.conf import settings

from challenge.core.tasks import durable_task


@durable_task(
    name="analyses.analyse",
    soft_limit=settings.ANALYSIS_SOFT_LIMIT_SECONDS,
    hard_limit=settings.ANALYSIS_HARD_LIMIT_SECONDS,
)
def analyse(evaluation_id: str) -> None:
    """Analyse one evaluation if it waits for that; a second delivery finds it claimed or finished and returns."""
    from challenge.analyses.analysis_run import analyse as do

    do(UUID(evaluation_id))


@durable_task(
    name="analyses.release",
    soft_limit=settings.ANALYSIS_SOFT_LIMIT_SECONDS,
    hard_limit=settings.ANALYSIS_HARD_LIMIT_SECONDS,
)
def release(evaluation_id: str) -> None:
    """Release what the team of this evaluation may be shown by now; doing it twice gives the same."""
    from challenge.analyses.release_run import release as do

    do(UUID(evaluation_id))


@durable_task(
    name="analyses.compare",
    soft_limit=settings.ANALYSIS_SOFT_LIMIT_SECONDS,
    hard_limit=settings.ANALYSIS_HARD_LIMIT_SECONDS,
)
def compare(phase_id: str) -> None:
    """Compare the board of one phase unless that is done; doing it twice gives the same."""
    from challenge.analyses.comparison_run import compare as do

    do(UUID(phase_id))


@durable_task(
    name="analyses.reference",
    soft_limit=settings.ANALYSIS_SOFT_LIMIT_SECONDS,
    hard_limit=settings.ANALYSIS_HARD_LIMIT_SECONDS,
)
def reference(line_id: str) -> None:
    """Work out one reference line if it waits for that."""
    from challenge.analyses.reference_run import work_out as do

    do(UUID(line_id))
