"""The daily digest: at most one mail a person and day, of at most so many lines, and none without lines."""

import datetime

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from challenge.accounts.models import User
from challenge.mail.services import send_later
from challenge.notices.kinds import Mail
from challenge.notices.models import Digest, Notification
from challenge.notices.services import absolute
from challenge.notices.unsubscribing import address

log = structlog.get_logger(__name__)

PEOPLE_PER_ROUND = 50


def last_moment(now: datetime.datetime) -> datetime.datetime:
    """The moment of the newest digest: today at DIGEST_HOUR_UTC, or yesterday while that is to come."""
    today = now.astimezone(datetime.UTC).replace(hour=settings.DIGEST_HOUR_UTC, minute=0, second=0, microsecond=0)
    return today if today <= now else today - datetime.timedelta(days=1)


def send_digests() -> int:
    """Put the digests that are due into the outbox, those of some people in each call; how many.

    A line is what came before the moment of the digest and has not been read on the site.
    """
    moment = last_moment(timezone.now())
    waiting = Notification.objects.filter(mail=Mail.DIGEST, digest=None, read_at=None, at__lt=moment)
    had_one = Digest.objects.filter(day=moment.date()).values("user")
    people = waiting.exclude(user__in=had_one).order_by("user").values_list("user", flat=True).distinct()
    sent = 0
    for user_id in people[:PEOPLE_PER_ROUND]:
        try:
            sent += _send(user_id, moment)
        except DatabaseError:  # one that cannot be written must not keep the others waiting
            log.exception("no digest", user=user_id)
    return sent


@transaction.atomic
def _send(user_id: int, moment: datetime.datetime) -> bool:
    user = User.objects.select_for_update().get(pk=user_id)
    digest, is_new = Digest.objects.get_or_create(user=user, day=moment.date())
    if not is_new:
        return False
    waiting = Notification.objects.filter(
        user=user, mail=Mail.DIGEST, digest=None, read_at=None, at__lt=moment
    ).select_related("notice__challenge")
    rows = list(waiting.order_by("at", "pk"))
    Notification.objects.filter(pk__in=[row.pk for row in rows]).update(digest=digest)
    if not (rows and user.is_active and user.email):
        return False
    stop = absolute(address(user, None))
    news = "1 piece of news" if len(rows) == 1 else f"{len(rows)} pieces of news"
    send_later(user, f"{news} since your last digest", _body(rows, stop), unsubscribe_url=stop)
    return True


def _body(rows: list[Notification], stop: str) -> str:
    lines = [
        f"- {row.notice.challenge.title}: {row.notice.title}\n  {absolute(row.notice.path)}"
        for row in rows[: settings.DIGEST_LINES]
    ]
    if left := len(rows) - settings.DIGEST_LINES:
        lines += [f"and {left} more: {absolute(reverse('notifications'))}"] if left > 0 else []
    return (
        "\n".join(lines) + f"\n\nNo more digests: {stop}\nAll settings: {absolute(reverse('notification-settings'))}\n"
    )
