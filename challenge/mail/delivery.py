"""What the worker does with a message."""

from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage

from challenge.core import work
from challenge.core.work import Outcome, WorkFailed
from challenge.mail.models import Message


def deliver(message_id: UUID) -> None:
    """Claim the message and send it. A mail server that does not take it is tried again, a few times."""
    work.run(Message, message_id, lambda: _send(message_id))


def _send(message_id: UUID) -> Outcome:
    message = Message.objects.select_related("user").get(pk=message_id)
    if not message.user.is_active or not message.user.email:
        raise WorkFailed("The account has no address any more.")
    subject = f"[{settings.SITE_NAME}] {message.subject}"
    EmailMessage(subject, message.body, settings.DEFAULT_FROM_EMAIL, [message.user.email]).send()
    return Outcome({})
