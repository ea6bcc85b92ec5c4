"""Opinion scores and their figures are computed and sent on by the queue `analysis`: they never delay a score."""

from uuid import UUID

from django.conf import settings

from challenge.core.tasks import durable_task


@durable_task(
    name="study.compute_scores",
    soft_limit=settings.ANALYSIS_SOFT_LIMIT_SECONDS,
    hard_limit=settings.ANALYSIS_HARD_LIMIT_SECONDS,
)
def compute_scores(run_id: str) -> None:
    """Compute opinion scores that wait; a second delivery finds them claimed or finished and returns."""
    from challenge.study.opinion_run import compute as do

    do(UUID(run_id))


@durable_task(
    name="study.publish_scores",
    soft_limit=settings.ANALYSIS_SOFT_LIMIT_SECONDS,
    hard_limit=settings.ANALYSIS_HARD_LIMIT_SECONDS,
)
def publish_scores(publication_id: str) -> None:
    """Put opinion scores where they belong, once; a second delivery finds that done and returns."""
    from challenge.study.opinion_run import publish as do

    do(UUID(publication_id))


@durable_task(
    name="study.compute_figures",
    soft_limit=settings.ANALYSIS_SOFT_LIMIT_SECONDS,
    hard_limit=settings.ANALYSIS_HARD_LIMIT_SECONDS,
)
def compute_figures(figure_run_id: str) -> None:
    """Compute figures that wait; a second delivery finds them claimed or finished and returns."""
    from challenge.study.figure_run import compute as do

    do(UUID(figure_run_id))
