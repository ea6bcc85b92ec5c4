"""What a worker does with one notice: a notification to each reader, and the mail that the reader wants of it."""

from collections.abc import Iterator

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from challenge.accounts.models import User
from challenge.contests.models import Registration
from challenge.core import work
from challenge.mail.services import send_later
from challenge.notices.kinds import RULES, Audience, Kind, Mail
from challenge.notices.models import Notice, Notification, Wish
from challenge.notices.services import absolute, default_wish
from challenge.notices.unsubscribing import address

BATCH = 50


def spread(notice_id: int) -> None:
    """Tell everybody who has not been told; doing it twice, or by two workers at once, is harmless."""

    def compute() -> work.Outcome:
        try:
            notice = Notice.objects.select_related("challenge").get(pk=notice_id)
            for batch in _batches(recipients(notice)):
                _give(notice, batch)
        except Notice.DoesNotExist:
            raise work.WorkFailed("It was taken back.") from None
        return work.Outcome({})

    work.run(Notice, notice_id, compute)


def recipients(notice: Notice) -> QuerySet[User]:
    """Who is told, as things are now: not who waits, was rejected or has left, and no subjects."""
    people = User.objects.filter(is_active=True, is_subject=False).order_by("pk")
    accepted = Registration.Status.ACCEPTED
    match RULES[Kind(notice.kind)].audience:
        case Audience.PERSON:
            return people.filter(pk__in=[notice.user_id])
        case Audience.ORGANISERS:
            return people.filter(organised_challenges=notice.challenge)
        case Audience.TEAM:
            return people.filter(registrations__team=notice.team, registrations__status=accepted)
        case Audience.PARTICIPANTS:
            return people.filter(registrations__challenge=notice.challenge, registrations__status=accepted)


def _batches(users: QuerySet[User]) -> Iterator[list[User]]:
    pks = list(users.values_list("pk", flat=True))
    for start in range(0, len(pks), BATCH):
        yield list(User.objects.filter(pk__in=pks[start : start + BATCH]).order_by("pk"))


@transaction.atomic
def _give(notice: Notice, users: list[User]) -> None:
    """Notifications and mails of one batch, all of them or none. Workers of one notice wait for each other here."""
    Notice.objects.select_for_update().only("pk").get(pk=notice.pk)
    told = set(notice.notifications.filter(user__in=users).values_list("user_id", flat=True))
    wishes = {wish.user_id: wish for wish in Wish.objects.filter(kind=notice.kind, user__in=users)}
    usual = default_wish(Kind(notice.kind))
    new = []
    for user in users:
        wish = wishes.get(user.pk, usual)
        mail = Mail.OFF if user.is_demo else wish.mail  # the demo's addresses lead nowhere
        if user.pk not in told and (wish.in_site or mail != Mail.OFF):
            new.append(Notification(notice=notice, user=user, at=timezone.now(), in_site=wish.in_site, mail=mail))
    Notification.objects.bulk_create(new)
    for row in new:
        if row.mail == Mail.NOW and row.user.email:
            _send(notice, row.user)


def _send(notice: Notice, user: User) -> None:
    stop = absolute(address(user, Kind(notice.kind)))
    parts = [notice.text, absolute(notice.path), f"{_why(notice)}\nNo more mail about this: {stop}"]
    body = "\n\n".join(part for part in parts if part) + "\n"
    send_later(user, f"{notice.challenge.title}: {notice.title}", body, unsubscribe_url=stop)


def _why(notice: Notice) -> str:
    organises = RULES[Kind(notice.kind)].audience == Audience.ORGANISERS
    role = "organise" if organises else "registered for"
    return f"{settings.SITE_NAME} sends you this because you {role} «{notice.challenge.title}»."
