"""Publishing, editing and withdrawing: one function, one transaction, one entry in the audit log."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from challenge.accounts.models import User
from challenge.announcements.models import LONGEST_TEXT, Announcement
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.contests.models import Challenge
from challenge.core.text import visible_text
from challenge.notices.kinds import Kind
from challenge.notices.services import take_back, tell

LOGGED_CHARACTERS = 500


class NotAnnounced(Exception):
    """What was asked for cannot be done; `str(error)` says why."""


@transaction.atomic
def publish(*, challenge: Challenge, title: str, text: str, actor: User, is_pinned: bool = False) -> Announcement:
    """Announce `text` (Markdown) to everybody who may see the challenge, and tell those who take part.

    Raises NotAnnounced when nothing that can be seen is left of the title or of the text.
    """
    title, text = _checked(title, text)
    made = Announcement.objects.create(challenge=challenge, author=actor, title=title, text=text, is_pinned=is_pinned)
    record(actor, Act.ANNOUNCEMENT_PUBLISHED, made, challenge=challenge, after=_logged(made))
    tell(
        Kind.ANNOUNCEMENT,
        made.pk,
        challenge=challenge,
        title=made.title,
        text=made.text,
        path=made.get_absolute_url(),
    )
    return made


@transaction.atomic
def edit(announcement: Announcement, *, title: str, text: str, is_pinned: bool, actor: User) -> bool:
    """Change one that stands; readers see that it was edited, nobody is told again. False if nothing changed.

    Pinning alone is no edit that readers see. Raises NotAnnounced, also for one that was withdrawn.
    """
    title, text = _checked(title, text)
    row = Announcement.objects.select_for_update().select_related("challenge").get(pk=announcement.pk)
    if row.withdrawn_at:
        raise NotAnnounced("It was withdrawn.")
    says_the_same = (row.title, row.text) == (title, text)
    if says_the_same and row.is_pinned == is_pinned:
        return False
    before = _logged(row)
    row.title, row.text, row.is_pinned = title, text, is_pinned
    row.edited_at = row.edited_at if says_the_same else timezone.now()
    row.save()
    record(actor, Act.ANNOUNCEMENT_EDITED, row, challenge=row.challenge, before=before, after=_logged(row))
    return True


@transaction.atomic
def withdraw(announcement: Announcement, *, actor: User) -> bool:
    """Take one back: from its pages, the feed and the inboxes; mails that left stay. False if it was before."""
    changed = Announcement.objects.filter(pk=announcement.pk, withdrawn_at=None).update(withdrawn_at=timezone.now())
    if changed:
        take_back(Kind.ANNOUNCEMENT, announcement.pk)
        record(actor, Act.ANNOUNCEMENT_WITHDRAWN, announcement, challenge=announcement.challenge)
    return bool(changed)


def _checked(title: str, text: str) -> tuple[str, str]:
    title = " ".join(visible_text(title).split())
    text = visible_text(text.replace("\r\n", "\n"), keep="\n\t").strip()
    if not title or len(title) > 120:
        raise NotAnnounced("Give a title of 1 to 120 characters.")
    if not text or len(text) > LONGEST_TEXT:
        raise NotAnnounced(f"Give a text of 1 to {LONGEST_TEXT} characters.")
    return title, text


def _logged(row: Announcement) -> dict[str, Any]:
    return {"title": row.title, "text": row.text[:LOGGED_CHARACTERS], "pinned": row.is_pinned}
