"""Telling people something, and what they do with it: read it, wish for more or less of it."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from challenge.accounts.models import User
from challenge.contests.models import Challenge, Team
from challenge.core import work
from challenge.notices.kinds import RULES, Audience, Kind, Mail
from challenge.notices.models import Notice, Notification, Wish
from challenge.notices.tasks import spread_notice


def tell(
    kind: Kind,
    key: str | UUID,
    *,
    challenge: Challenge,
    title: str,
    path: str,
    text: str = "",
    team: Team | None = None,
    user: User | None = None,
) -> bool:
    """Have everybody told whom the rule of `kind` names, in the caller's transaction; False if this was told before.

    `key` names the event among those of its kind. `title` is plain text, `text` is too or Markdown, as the rule says;
    both are for all readers alike: no score, nothing hidden. Raises ValueError when `team` or `user` is missing, or
    given where the rule names others.
    """
    audience = RULES[kind].audience
    if (team is not None) != (audience == Audience.TEAM) or (user is not None) != (audience == Audience.PERSON):
        raise ValueError(f"A notice of the kind {kind} is for {audience.value}.")
    values = {"challenge": challenge, "team": team, "user": user, "text": text, "path": path}
    notice, is_new = Notice.objects.get_or_create(
        kind=kind, key=str(key), defaults={**values, "title": " ".join(title.split())[:200]}
    )
    if is_new and not RULES[kind].is_of_scoring:
        transaction.on_commit(lambda: work.ring(Notice, spread_notice, notice.pk), robust=True)
    return is_new


def take_back(kind: Kind, key: str | UUID) -> None:
    """Take what was told about an event out of the inboxes and out of digests to come; mails that left stay."""
    Notice.objects.filter(kind=kind, key=str(key)).delete()


def reconcile() -> int:
    """Call a worker for notices that wait or whose worker was lost; how many calls."""
    return work.reconcile(Notice, spread_notice)


# --- reading ----------------------------------------------------------------------------------------------------------
def inbox(user: User) -> QuerySet[Notification]:
    """What `user` was told on the site, newest first."""
    rows = Notification.objects.filter(user=user, in_site=True)
    return rows.select_related("notice__challenge")


def unread(user: User) -> int:
    """How many of them are unread."""
    return Notification.objects.filter(user=user, in_site=True, read_at=None).count()


def mark_read(rows: QuerySet[Notification]) -> int:
    """Note that they have been read; how many were not before."""
    return rows.filter(read_at=None).update(read_at=timezone.now())


# --- wishes -----------------------------------------------------------------------------------------------------------
def default_wish(kind: Kind) -> Wish:
    """What everybody gets of a kind who has said nothing; unsaved, without a user."""
    return Wish(kind=kind, in_site=True, mail=RULES[kind].mail)


def wishes_of(user: User) -> dict[Kind, Wish]:
    """Of every kind what `user` wants."""
    said = {Kind(wish.kind): wish for wish in user.wishes.all()}
    return {kind: said.get(kind) or default_wish(kind) for kind in Kind}


def kinds_for(user: User) -> list[Kind]:
    """The kinds that `user` can be told about: those for organisers only if the user organises something."""
    organises = user.organised_challenges.exists()
    return [kind for kind in Kind if organises or RULES[kind].audience != Audience.ORGANISERS]


@transaction.atomic
def wish(user: User, wanted: Mapping[Kind, tuple[bool, Mail]]) -> None:
    """Note what `user` wants of these kinds, (on the site, mail); lines that wait for a digest follow."""
    for kind, (in_site, mail) in wanted.items():
        Wish.objects.update_or_create(user=user, kind=kind, defaults={"in_site": in_site, "mail": mail})
    _drop_lines(user, (kind for kind, (_, mail) in wanted.items() if mail == Mail.OFF))


def stop_mail(user: User, kind: Kind | None) -> None:
    """No more mail about `kind`; of the digest, for None. What shows on the site stays as it is."""
    kinds = [kind] if kind else [kind for kind, wish in wishes_of(user).items() if wish.mail == Mail.DIGEST]
    wishes = wishes_of(user)
    wish(user, {kind: (wishes[kind].in_site, Mail.OFF) for kind in kinds})


def _drop_lines(user: User, kinds: Iterable[Kind]) -> None:
    waiting = Notification.objects.filter(user=user, mail=Mail.DIGEST, digest=None, notice__kind__in=list(kinds))
    waiting.update(mail=Mail.OFF)


def absolute(path: str) -> str:
    """The address of a page of this site, for a mail."""
    return f"{settings.SITE_URL.rstrip('/')}{path}"
