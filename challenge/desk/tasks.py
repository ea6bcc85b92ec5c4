"""Looking for evidence runs on the queue `analysis`: it reads many files and never delays a score."""

from uuid import UUID

from django.conf import settings

from challenge.core.tasks import durable_task


@durable_task(
    name="desk.look_for_evidence",
    soft_limit=settings.ANALYSIS_SOFT_LIMIT_SECONDS,
    hard_limit=settings.ANALYSIS_HARD_LIMIT_SECONDS,
)
def look_for_evidence(run_id: str) -> None:
    """Do one run if it waits for that; a second delivery finds it claimed or finished and returns."""
    from challenge.desk.evidence_run import look

    look(UUID(run_id))
