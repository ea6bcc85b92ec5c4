"""Questions that participants ask the organisers of a challenge. Who asks is for organisers only, unless they wish."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from challenge.contests.models import Challenge, Team

LONGEST_QUESTION = 2_000
LONGEST_ANSWER = 10_000


class Question(models.Model):
    """One question, plain text, and its answer, Markdown of organisers.

    `answered_at` is set once it is answered, also elsewhere, with an empty `answer`; `edited_at` once an answer has
    changed. Until it `is_published` only its asker and the organisers see it. `team` is that of the asker when it was
    asked; others read its name only if `shows_team`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="asked_questions")
    asker = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="questions")
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="questions")
    text = models.TextField(max_length=LONGEST_QUESTION)
    shows_team = models.BooleanField(default=False)
    is_published = models.BooleanField(default=False)
    answer = models.TextField(blank=True, max_length=LONGEST_ANSWER)
    answered_at = models.DateTimeField(null=True, editable=False)
    edited_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "pk"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(answer="") | Q(answered_at__isnull=False), name="question_answered_at"),
        ]
        indexes: ClassVar = [models.Index(fields=["challenge", "-created_at"], name="question_of_challenge")]

    def __str__(self) -> str:
        return f"question of {self.created_at:%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        """Its own page."""
        return reverse("question", args=[self.challenge.slug, self.pk])

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return self.answered_at is None
