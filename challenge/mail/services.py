"""Putting a message into the outbox, and seeing that it leaves."""

from django.db import transaction

from challenge.accounts.models import User
from challenge.core import work
from challenge.mail import tasks
from challenge.mail.models import Message


def send_later(user: User, subject: str, body: str, *, unsubscribe_url: str = "") -> None:
    """Have a worker mail `body` to `user` once the caller's transaction is committed; nothing goes out if it is not.

    With `unsubscribe_url` mail programs offer a button that ends such mails (RFC 8058): a POST there, without a login.
    """
    message = Message.objects.create(
        user=user, subject=" ".join(subject.split())[:200], body=body, unsubscribe_url=unsubscribe_url
    )
    transaction.on_commit(lambda: work.ring(Message, tasks.deliver, message.pk), robust=True)


def reconcile() -> int:
    """Call a worker for messages that wait or whose worker was lost; how many calls."""
    return work.reconcile(Message, tasks.deliver)
