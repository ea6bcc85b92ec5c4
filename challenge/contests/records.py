"""What organisers ask and what happened: models beside those of `models`, which they name by their labels.

Event rows are only ever added; erasing an account takes the words out of them that tell who it was.
"""

from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone


class RegistrationStatus(models.TextChoices):
    """States of a registration, with the words that people read."""

    PENDING = "pending", "Waiting for the organisers"
    ACCEPTED = "accepted", "Accepted"
    REJECTED = "rejected", "Rejected"
    LEFT = "left", "Left"


class RegistrationQuestion(models.Model):
    """Something the organisers want to know from everybody who joins."""

    class Kind(models.TextChoices):
        TEXT = "text", "Text"
        CHOICE = "choice", "One of several choices"
        CHECKBOX = "checkbox", "Yes or no"

    challenge = models.ForeignKey("contests.Challenge", on_delete=models.CASCADE, related_name="questions")
    position = models.PositiveSmallIntegerField(default=0)
    text = models.CharField(max_length=200)
    help = models.CharField(max_length=300, blank=True, help_text="Shown below the question.")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.TEXT)
    choices = models.TextField(blank=True, help_text="One choice a line; for «one of several choices» only.")
    required = models.BooleanField(default=True, help_text="A required yes-or-no question must be ticked.")

    class Meta:
        ordering: ClassVar = ["position", "pk"]

    def __str__(self) -> str:
        return self.text

    def clean(self) -> None:
        """A choice needs something to choose from."""
        if self.kind == self.Kind.CHOICE and len(self.choice_list) < 2:
            raise ValidationError({"choices": "Give at least two choices, one a line."})

    @property
    def choice_list(self) -> list[str]:
        """The choices in their order."""
        return [line.strip() for line in self.choices.splitlines() if line.strip()]


class RegistrationEvent(models.Model):
    """One step in the life of a registration: who, when, why."""

    registration = models.ForeignKey("contests.Registration", on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    from_status = models.CharField(max_length=8, choices=RegistrationStatus, blank=True)
    to_status = models.CharField(max_length=8, choices=RegistrationStatus)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.from_status} -> {self.to_status}: {self.reason}"


class TeamEvent(models.Model):
    """One change of a team: who did it, when, to which member."""

    class Action(models.TextChoices):
        FOUNDED = "founded", "founded the team"
        JOINED = "joined", "joined"
        LEFT = "left", "left"
        REMOVED = "removed", "removed"
        RENAMED = "renamed", "renamed the team"
        INVITATION = "invitation", "renewed the invitation link"
        LEADER = "leader", "leads the team now"
        MERGE_ASKED = "merge_asked", "asked for a merger"
        MERGE_AGREED = "merge_agreed", "agreed to a merger"
        MERGE_ENDED = "merge_ended", "ended the plan of a merger"
        MERGED = "merged", "merged the teams"

    team = models.ForeignKey("contests.Team", on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(max_length=12, choices=Action)
    member = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.team}: {self.get_action_display()}"
