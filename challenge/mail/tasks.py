"""The task that sends one message. It runs beside the analyses, so that a slow mail server delays no score."""

from uuid import UUID

from challenge.core.tasks import durable_task


@durable_task(name="mail.deliver", soft_limit=60, hard_limit=90)
def deliver(message_id: str) -> None:
    """Send one message if it waits for that."""
    from challenge.mail.delivery import deliver as do

    do(UUID(message_id))
