"""The task that sends mails, on the queue `analysis`: it must never delay a score."""

from django.conf import settings

from challenge.core.tasks import durable_task


@durable_task(
    name="notices.send",
    soft_limit=settings.ANALYSIS_SOFT_LIMIT_SECONDS,
    hard_limit=settings.ANALYSIS_HARD_LIMIT_SECONDS,
)
def send_notice(event_id: str) -> None:
    """Send the mails of one notice that have not been sent; a second delivery finds it claimed or finished."""
    from challenge.notices.sending import send

    send(int(event_id))
