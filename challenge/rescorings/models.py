"""A Rescoring is every scored file of a phase once more, with another answer key, scorer or formula.

Its evaluations are stored beside those in force and nobody but organisers sees them until it is published: then all of
them come into force in one transaction, with the key and the formula. It is open until somebody publishes or discards
it, and a phase has one open rescoring at most.
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from challenge.contests.models import Phase
from challenge.core.work import Work
from challenge.datasets.models import AnswerKey
from challenge.submissions.models import Evaluation, Submission


class Rescoring(Work):
    """Its work is waiting, running, done or failed; its decision is open, published or discarded.

    `report` is what the report said at the moment of the decision; while it is open the report is computed.
    """

    class Decision(models.TextChoices):
        OPEN = "open", "Open"
        PUBLISHED = "published", "Published"
        DISCARDED = "discarded", "Discarded"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="rescorings")
    answer_key = models.ForeignKey(AnswerKey, on_delete=models.RESTRICT, related_name="rescorings")
    formula = models.CharField(max_length=200)
    scorer_version = models.CharField(max_length=40)
    reason = models.CharField(max_length=300)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decision = models.CharField(max_length=9, choices=Decision, default=Decision.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)
    report = models.JSONField(null=True)

    class Meta(Work.Meta):
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            *Work.Meta.constraints,
            models.UniqueConstraint(fields=["phase"], condition=Q(decision="open"), name="rescoring_one_open"),
            models.CheckConstraint(
                condition=~Q(decision="published") | Q(state="done"), name="rescoring_published_is_done"
            ),
            models.CheckConstraint(
                condition=Q(decision="open", decided_at=None)
                | (Q(decision__in=("published", "discarded")) & Q(decided_at__isnull=False)),
                name="rescoring_decision_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.phase}, key {self.answer_key.version}, scorer {self.scorer_version}"

    def get_absolute_url(self) -> str:
        """Its own page, for organisers."""
        return reverse("rescoring-detail", args=[self.phase.challenge.slug, self.phase.slug, self.pk])


class Rescored(models.Model):
    """One submission of a rescoring: what it had, and what it gets: an evaluation, or the reason why there is none."""

    rescoring = models.ForeignKey(Rescoring, on_delete=models.CASCADE, related_name="rescored")
    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="rescored")
    before = models.ForeignKey(Evaluation, null=True, on_delete=models.RESTRICT, related_name="+")
    evaluation = models.ForeignKey(Evaluation, null=True, on_delete=models.RESTRICT, related_name="rescored")
    failure = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rescoring", "submission"], name="rescored_once_per_submission"),
            models.CheckConstraint(
                condition=Q(evaluation__isnull=False, failure="") | (Q(evaluation=None) & ~Q(failure="")),
                name="rescored_has_a_result_or_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.submission}: {self.evaluation_id or self.failure}"
