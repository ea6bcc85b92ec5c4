"""The plan of two teams to become one."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from challenge.contests.models import Team


class Merger(models.Model):
    """`asking` wants to take `asked` in. Both leaders must want it and an organiser confirms it.

    The merged team is `asking`: its name, its page, its invitation link.
    """

    class State(models.TextChoices):
        ASKED = "asked", "Waiting for the other team"
        AGREED = "agreed", "Waiting for the organisers"
        DONE = "done", "Merged"
        ENDED = "ended", "Called off"

    OPEN = (State.ASKED, State.AGREED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    asking = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="mergers_asked")
    asked = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="mergers_received")
    state = models.CharField(max_length=6, choices=State, default=State.ASKED)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(asking=F("asked")), name="merger_of_two_teams"),
            models.UniqueConstraint(
                fields=["asking", "asked"], condition=Q(state__in=("asked", "agreed")), name="merger_planned_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asking} and {self.asked}"
