"""What the worker does with a message."""

from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone

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
    row = Message.objects.filter(pk=message_id)
    if not row.filter(left_at=None).update(left_at=timezone.now()):
        raise WorkFailed("A worker was lost while it sent this. It may have arrived, so it is not sent again.")
    try:
        _mail(message).send()
    except BaseException:
        row.update(left_at=None)  # the next attempt sends it
        raise
    return Outcome({})


def _mail(message: Message) -> EmailMessage:
    headers = {}
    if message.unsubscribe_url:
        headers = {
            "List-Unsubscribe": f"<{message.unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    subject = f"[{settings.SITE_NAME}] {message.subject}"
    return EmailMessage(subject, message.body, settings.DEFAULT_FROM_EMAIL, [message.user.email], headers=headers)
