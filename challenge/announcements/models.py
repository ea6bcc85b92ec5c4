"""Announcements of a challenge. One is there once it is published; its text is Markdown of organisers."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from challenge.contests.models import Challenge

LONGEST_TEXT = 20_000


class Announcement(models.Model):
    """Something the organisers said. `edited_at` marks one that was changed after it was published.

    One that is withdrawn shows to organisers only.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="announcements")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="announcements"
    )
    title = models.CharField(max_length=120)
    text = models.TextField(max_length=LONGEST_TEXT)
    is_pinned = models.BooleanField(default=False)
    published_at = models.DateTimeField(default=timezone.now, editable=False)
    edited_at = models.DateTimeField(null=True, editable=False)
    withdrawn_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-is_pinned", "-published_at"]
        indexes: ClassVar = [models.Index(fields=["challenge", "-published_at"], name="announcement_of_challenge")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Its own page."""
        return reverse("announcement", args=[self.challenge.slug, self.pk])
