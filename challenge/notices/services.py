"""Every write to notices but the sending itself."""

from typing import Any

from django.db import transaction
from django.dispatch import receiver

from challenge.contests.models import PhaseEvent
from challenge.contests.signals import deadline_changed
from challenge.core import work
from challenge.notices.models import Notice
from challenge.notices.tasks import send_notice


@receiver(deadline_changed)
def tell_participants(*, event: PhaseEvent, **_kwargs: Any) -> None:
    """A moved deadline waits for its mails, in the transaction that moves it."""
    Notice.objects.create(event=event)
    transaction.on_commit(lambda: work.ring(Notice, send_notice, event.pk), robust=True)


def reconcile() -> int:
    """Call a worker for notices that wait or whose worker was lost; how many calls."""
    return work.reconcile(Notice, send_notice)
