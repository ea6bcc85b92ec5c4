"""What organisers keep about teams."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from challenge.contests.models import Team


class TeamNote(models.Model):
    """Something an organiser wrote down about a team, for organisers only."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    text = models.TextField(max_length=2000)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"note on {self.team}"
