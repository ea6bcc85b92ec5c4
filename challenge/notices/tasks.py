"""The tasks of this app, on the queue `analysis`: telling people must never delay a score."""

from uuid import UUID

from django.conf import settings

from challenge.core.tasks import durable_task


@durable_task(
    name="notices.spread",
    soft_limit=settings.ANALYSIS_SOFT_LIMIT_SECONDS,
    hard_limit=settings.ANALYSIS_HARD_LIMIT_SECONDS,
)
def spread_notice(notice_id: str) -> None:
    """Give a notice to its readers; a second delivery finds it claimed or finished."""
    from challenge.notices.spreading import spread

    spread(int(notice_id))


@durable_task(name="notices.look", soft_limit=60, hard_limit=90)
def look_at_board(phase_id: str) -> None:
    """Tell the teams that were overtaken on the board of a phase since it was looked at last."""
    from challenge.notices.overtaking import look

    look(UUID(phase_id))
