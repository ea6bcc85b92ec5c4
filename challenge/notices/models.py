"""The one way to tell people something: a Notice for each event, a Notification for each of its readers.

A Notice is written in the transaction of what happened. A worker spreads it: each reader gets a Notification, once, and
with it, in the same transaction, the mail that the reader wants (`challenge.mail` is the outbox), or a line of the next
Digest. No text of a notice ever holds a score: the page it leads to shows each reader what that reader may see.
"""

import html
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.text import Truncator

from challenge.contests.models import Challenge, Phase, Team
from challenge.core import markdown
from challenge.core.work import Work
from challenge.notices.kinds import RULES, Kind, Mail

EXCERPT = 200


class Notice(Work):
    """Something that happened in a challenge. `key` names the event: of each kind it is told once.

    `team` or `user` is who is told, where the kind's rule says a team or a person. `path` is the page it leads to, an
    address of this site without its name.
    """

    kind = models.CharField(max_length=20, choices=Kind)
    key = models.CharField(max_length=120)
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="notices")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="notices")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="notices")
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    path = models.CharField(max_length=300)

    class Meta(Work.Meta):
        constraints: ClassVar = [
            *Work.Meta.constraints,
            models.UniqueConstraint(fields=["kind", "key"], name="notice_once_per_event"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def excerpt(self) -> str:
        """The beginning of the text as plain text, for lists."""
        is_markdown = RULES[Kind(self.kind)].is_markdown
        text = " ".join(html.unescape(strip_tags(markdown.render(self.text))).split()) if is_markdown else self.text
        return Truncator(text).chars(EXCERPT)


class Digest(models.Model):
    """The one mail a day that gathers what somebody does not want at once. `day` is that of its moment."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="digests")
    day = models.DateField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "day"], name="digest_once_a_day")]

    def __str__(self) -> str:
        return f"digest of {self.day:%Y-%m-%d}"


class Notification(models.Model):
    """A notice as one reader gets it, and the reader's wishes when it came. `digest` is the mail it was a line of."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="notifications")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    at = models.DateTimeField(default=timezone.now)
    in_site = models.BooleanField()
    read_at = models.DateTimeField(null=True)
    mail = models.CharField(max_length=6, choices=Mail)
    digest = models.ForeignKey(Digest, null=True, on_delete=models.SET_NULL, related_name="notifications")

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["notice", "user"], name="notification_once_per_notice_and_user"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "-at"], condition=Q(in_site=True), name="notification_inbox"),
            models.Index(fields=["user"], condition=Q(in_site=True, read_at=None), name="notification_unread"),
            models.Index(
                fields=["at"], condition=Q(mail="digest", digest=None, read_at=None), name="notification_for_digest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.notice} to {self.user}"


class Wish(models.Model):
    """What somebody wants of a kind, where it is not the default of `kinds.RULES`."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="wishes")
    kind = models.CharField(max_length=20, choices=Kind)
    in_site = models.BooleanField(default=True)
    mail = models.CharField(max_length=6, choices=Mail)

    class Meta:
        verbose_name_plural = "wishes"
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "kind"], name="wish_once_per_kind")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.mail}"


class Standing(models.Model):
    """A visible board as it was looked at last, to tell who has been overtaken since.

    `basis` names which board that is: where it changes (hidden, shown again, another rule) nobody is told about what
    happened before. `rows`: {team id: [rank or null, submission id]}.
    """

    phase = models.OneToOneField(Phase, primary_key=True, on_delete=models.CASCADE, related_name="standing")
    board_version = models.PositiveBigIntegerField()
    basis = models.CharField(max_length=80)
    rows = models.JSONField(default=dict)
    next_look_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"standing of {self.phase}"
