"""What workers do with notices and mails that wait, without a broker."""

import datetime

from challenge.mail.delivery import deliver
from challenge.mail.models import Message
from challenge.notices.digests import send_digests
from challenge.notices.models import Notice, Notification
from challenge.notices.spreading import spread


def spread_all(times: int = 1) -> None:
    """Spread every notice that waits, each so many times."""
    for pk in list(Notice.objects.filter(state="waiting").values_list("pk", flat=True)):
        for _ in range(times):
            spread(pk)


def deliver_all(times: int = 1) -> None:
    """Send every mail that waits, each so many times."""
    for pk in list(Message.objects.filter(state="waiting").values_list("pk", flat=True)):
        for _ in range(times):
            deliver(pk)


def tell_everybody() -> None:
    """Both."""
    spread_all()
    deliver_all()


def a_day_later() -> int:
    """Two days pass for what waits for a digest; the digests that were sent."""
    for row in Notification.objects.filter(digest=None):
        Notification.objects.filter(pk=row.pk).update(at=row.at - datetime.timedelta(days=2))
    sent = send_digests()
    deliver_all()
    return sent
