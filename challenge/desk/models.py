"""What organisers keep about teams, and the runs that look for evidence of collusion in a phase."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from challenge.contests.models import Phase, Team
from challenge.core.work import Work


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


class EvidenceRun(Work):
    """One look at all files of a phase. `result` is that of `evidence.look`; null until it is done."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="evidence_runs")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    result = models.JSONField(null=True)

    class Meta(Work.Meta):
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            *Work.Meta.constraints,
            models.UniqueConstraint(
                fields=["phase"], condition=Q(state__in=("waiting", "running")), name="evidence_one_unfinished"
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(result__isnull=False), name="evidence_done_has_a_result"
            ),
        ]

    def __str__(self) -> str:
        return f"evidence, {self.phase}"

    def get_absolute_url(self) -> str:
        """The page of its phase, which shows the newest."""
        return reverse("evidence", args=[self.phase.challenge.slug, self.phase.slug])
