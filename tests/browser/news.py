"""Announcements, questions and notifications to look at, with everything that can be long."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from challenge.announcements import services as announcements
from challenge.announcements.models import Announcement
from challenge.notices import unsubscribing
from challenge.notices.kinds import Kind
from challenge.notices.models import Notice
from challenge.notices.services import mark_read
from challenge.notices.spreading import spread
from challenge.questions import services as questions
from challenge.questions.models import Question
from tests.factories import World

Entry = tuple[str, Any, str]
TEXT = """\
The mirror has the same files:

| File | SHA-256 |
|---|---|
| `train.zip` | `9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08` |

* faster in *Asia*, see [the list](https://example.org/a/very/long/address/that/goes/on/and/on/and/on/and/on/index.html)
"""


@dataclass
class News:
    """What pages are opened for."""

    announcement: Announcement
    answered: Question
    waiting: Question
    unsubscribe: str


def make(world: World) -> News:
    """A pinned announcement, an edited and a withdrawn one; questions in every state; unread and read notifications."""
    common: dict[str, Any] = {"challenge": world.challenge, "actor": world.organiser}
    pinned = announcements.publish(title="A mirror of the data", text=TEXT, is_pinned=True, **common)
    edited = announcements.publish(title="The final phase, with a title that goes on and on", text="Soon.", **common)
    announcements.edit(edited, title=edited.title, text="Soon, **really**.", is_pinned=False, actor=world.organiser)
    announcements.withdraw(announcements.publish(title="A slip", text="Never mind.", **common), actor=world.organiser)
    asked = [
        questions.ask(challenge=world.challenge, user=world.alice, text=text, shows_team=number == 0)
        for number, text in enumerate(
            [
                "May we use KonIQ-10k?\nAnd SPAQ?",
                "Is Lanczos resampling allowed?",
                "Where is the file " + "x" * 90 + "?",
            ]
        )
    ]
    questions.answer(asked[0], "Yes. Say so in the *description*.", actor=world.organiser, publishes=True)
    questions.settle(asked[1], actor=world.organiser)
    for notice in Notice.objects.filter(state="waiting"):
        spread(notice.pk)
    mark_read(world.alice.notifications.filter(notice__kind=Kind.SCORED))
    return News(pinned, asked[0], asked[2], unsubscribing.address(world.alice, Kind.ANNOUNCEMENT))


def pages(world: World, news: News, empty: str) -> list[Entry]:
    """Name, user or None, path of each page; `empty` is the slug of a challenge with nothing in it."""
    iqa, alice, organiser = world.challenge.slug, world.alice, world.organiser
    made = news.announcement
    return [
        ("announcements", None, reverse("announcements", args=[iqa])),
        ("announcements-organiser", organiser, reverse("announcements", args=[iqa])),
        ("announcements-empty", alice, reverse("announcements", args=[empty])),
        ("announcement", alice, made.get_absolute_url()),
        ("announcement-new", organiser, reverse("new-announcement", args=[iqa])),
        ("announcement-edit", organiser, reverse("edit-announcement", args=[iqa, made.pk])),
        ("announcement-withdraw", organiser, reverse("withdraw-announcement", args=[iqa, made.pk])),
        ("questions", alice, reverse("questions", args=[iqa])),
        ("questions-anonymous", None, reverse("questions", args=[iqa])),
        ("questions-organiser", organiser, reverse("questions", args=[iqa])),
        ("questions-empty", alice, reverse("questions", args=[empty])),
        ("question-ask", alice, reverse("ask", args=[iqa])),
        ("question-answered", alice, news.answered.get_absolute_url()),
        ("question-organiser", organiser, news.waiting.get_absolute_url()),
        ("notifications", alice, reverse("notifications")),
        ("notifications-empty", world.outsider, reverse("notifications")),
        ("notification-settings", organiser, reverse("notification-settings")),
        ("unsubscribe", None, news.unsubscribe),
    ]
