"""What a worker does with one notice: a mail to each participant, over one connection for each batch."""

import itertools
from collections.abc import Iterator

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import QuerySet

from challenge.accounts.models import User
from challenge.contests.models import PhaseEvent, Registration
from challenge.core import work
from challenge.notices.models import Delivery, Notice

BATCH = 50


def send(event_id: int) -> None:
    """Send the mails of the notice of an event, as far as they have not been sent; doing it twice is harmless."""

    def compute() -> work.Outcome:
        notice = Notice.objects.select_related("event__phase__challenge").get(pk=event_id)
        for batch in _batches(recipients(notice.event)):
            _send_batch(notice, batch)
        return work.Outcome({})

    work.run(Notice, event_id, compute)


def recipients(event: PhaseEvent) -> QuerySet[User]:
    """Everybody who takes part in the challenge and has an address; not who waits, was rejected or has left."""
    users = User.objects.filter(
        registrations__challenge=event.phase.challenge,
        registrations__status=Registration.Status.ACCEPTED,
        is_active=True,
        is_subject=False,
    )
    return users.exclude(email="").order_by("pk")


def _batches(users: QuerySet[User]) -> Iterator[list[User]]:
    rows = iter(users.iterator(chunk_size=BATCH))
    while batch := list(itertools.islice(rows, BATCH)):
        yield batch


def _send_batch(notice: Notice, users: list[User]) -> None:
    """The rows come first: a worker that dies between leaves a mail unsent rather than one sent twice."""
    with get_connection() as connection:
        for user in users:
            delivery, is_new = Delivery.objects.get_or_create(notice=notice, user=user)
            if not is_new:
                continue
            try:
                _message(notice.event, user, connection).send()
            except BaseException:
                delivery.delete()  # the next attempt sends it
                raise


def _message(event: PhaseEvent, user: User, connection: BaseEmailBackend) -> EmailMessage:
    phase = event.phase
    verb = "extended" if event.is_extension else "moved"
    body = (
        f"The deadline of «{phase.title}» in the challenge «{phase.challenge.title}» was {verb}\n"
        f"from {event.before:%Y-%m-%d %H:%M} UTC\nto   {event.after:%Y-%m-%d %H:%M} UTC.\n\n"
        f"Reason: {event.reason}\n\n"
        f"You get this message because you take part in the challenge.\n"
    )
    return EmailMessage(
        subject=f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}Deadline {verb}: {' '.join(phase.title.split())}",
        body=body,
        to=[user.email],
        connection=connection,
    )
