"""Submissions, what happened to them, and what they scored.

A Submission is one accepted prediction file. An Evaluation is the result of one answer-key version and one scorer
version (unique: invariant 2); its Scores are the defined metrics, so that an undefined one has no row to rank.
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from challenge.contests.models import Phase, Team
from challenge.core.work import Leased
from challenge.datasets.models import AnswerKey
from challenge.submissions.states import Status
from scoring.formula import RANK_DECIMALS

LARGEST_FLOAT = 1.7e308  # a bound that NaN and infinity fail on PostgreSQL; SQLite stores neither


class Submission(Leased):
    """One accepted prediction file of a team, or a reference row (a baseline) that the organisers run.

    `day_slot` and `phase_slot` are the quota it uses: unique numbers per team and day, and per team and phase. They are
    given back (null) with a reason, never deleted. `lease_token` fences a worker that has lost its claim.
    """

    class Kind(models.TextChoices):
        PARTICIPANT = "participant", "Participant"
        REFERENCE = "reference", "Reference row"

    class Device(models.TextChoices):
        UNKNOWN = "", "Not stated"
        CPU = "cpu", "CPU"
        GPU = "gpu", "GPU"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    phase = models.ForeignKey(Phase, on_delete=models.PROTECT, related_name="submissions")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.PARTICIPANT)
    team = models.ForeignKey(Team, null=True, on_delete=models.PROTECT, related_name="submissions")
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="submissions"
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.RECEIVED)

    method_name = models.CharField(max_length=80, blank=True)
    description = models.TextField(blank=True, max_length=2000)
    runtime_s = models.FloatField("runtime per image [s]", null=True, blank=True)
    device = models.CharField(max_length=3, choices=Device, blank=True, default=Device.UNKNOWN)
    extra_data = models.BooleanField("uses extra training data", null=True, blank=True)
    is_chosen = models.BooleanField(default=False)

    file = models.FileField(upload_to="predictions/%Y/%m/")
    file_name = models.CharField(max_length=200)
    file_size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    rows = models.PositiveIntegerField()
    warnings = models.JSONField(default=list)

    received_at = models.DateTimeField(help_text="The moment the upload began: what counts for deadline and quota.")
    is_late = models.BooleanField(default=False, help_text="Received after the deadline: scored, without a rank.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)
    idempotency_key = models.CharField(max_length=80, null=True)  # noqa: DJ001  null is exempt from uniqueness

    quota_day = models.DateField(help_text="UTC day of received_at.")
    day_slot = models.PositiveIntegerField(null=True)
    phase_slot = models.PositiveIntegerField(null=True)
    refund_reason = models.CharField(max_length=200, blank=True)

    failure = models.TextField(blank=True, help_text="Shown to the participant.")

    class Meta:
        ordering: ClassVar = ["-received_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "phase", "quota_day", "day_slot"], name="submission_day_slot_once"),
            models.UniqueConstraint(fields=["team", "phase", "phase_slot"], name="submission_phase_slot_once"),
            models.UniqueConstraint(fields=["team", "phase", "idempotency_key"], name="submission_idempotent"),
            models.UniqueConstraint(
                fields=["team", "phase"], condition=Q(is_chosen=True), name="submission_one_chosen"
            ),
            models.CheckConstraint(
                condition=Q(kind="participant", team__isnull=False) | Q(kind="reference", team__isnull=True),
                name="submission_team_unless_reference",
            ),
            models.CheckConstraint(condition=~Q(is_late=True, is_chosen=True), name="submission_late_never_chosen"),
            models.CheckConstraint(
                condition=Q(kind="reference")
                | Q(day_slot__isnull=False, phase_slot__isnull=False, refund_reason="")
                | (Q(day_slot=None, phase_slot=None) & ~Q(refund_reason="")),
                name="submission_pays_or_is_refunded",
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="submission_status_known"),
            models.CheckConstraint(
                condition=Q(status=Status.SCORING, lease_token__isnull=False, lease_expires_at__isnull=False)
                | (~Q(status=Status.SCORING) & Q(lease_token=None, lease_expires_at=None)),
                name="submission_lease_while_scoring",
            ),
            models.CheckConstraint(
                condition=Q(runtime_s=None) | Q(runtime_s__gte=0, runtime_s__lte=LARGEST_FLOAT),
                name="submission_runtime_finite",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["phase", "status", "team"], name="submission_board"),
            models.Index(fields=["team", "phase", "-received_at"], name="submission_of_team"),
            models.Index(
                fields=["next_ring_at"],
                condition=Q(status__in=[Status.RECEIVED, Status.QUEUED, Status.SCORING]),
                name="submission_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.received_at:%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        """Its own page."""
        return reverse("submission", args=[self.pk])

    @property
    def label(self) -> str:
        """The team's name, or the reference row's method name."""
        return self.team.name if self.team else self.method_name

    @property
    def is_final(self) -> bool:
        """Whether its state can still change."""
        from challenge.submissions.states import FINAL

        return self.status in FINAL


class QuotaGrant(models.Model):
    """Submissions that organisers allow one team in one phase beyond its quota, and why. Rows are only ever added.

    `slots` more on the UTC day `day`, and as many more in the phase for good: see `quota.quota_of`.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="quota_grants")
    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="quota_grants")
    slots = models.PositiveSmallIntegerField()
    day = models.DateField()
    reason = models.CharField(max_length=300)
    granted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(slots__gte=1), name="quota_grant_of_something"),
            models.CheckConstraint(condition=~Q(reason=""), name="quota_grant_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.slots} more for {self.team} in {self.phase}"


class SubmissionEvent(models.Model):
    """One step in the life of a submission: who, when, why. Rows are only ever added."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    from_status = models.CharField(max_length=10, choices=Status, blank=True)
    to_status = models.CharField(max_length=10, choices=Status)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=300)

    class Meta:
        ordering: ClassVar = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.from_status} -> {self.to_status}: {self.reason}"


class Evaluation(models.Model):
    """What `scoring.evaluate` returned for one submission, answer-key version, scorer version and formula.

    Never overwritten. One of a submission's evaluations is in force (`is_current`): the one that boards and pages show.
    `published_at` is when it last came into force; null while a rescoring that made it is not published.

    Where a phase splits its key, `result` and all that follows from it are of the public part.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="evaluations")
    answer_key = models.ForeignKey(AnswerKey, on_delete=models.PROTECT, related_name="evaluations")
    scorer_version = models.CharField(max_length=40)
    is_current = models.BooleanField(default=True)
    published_at = models.DateTimeField(null=True, default=timezone.now, editable=False)
    formula = models.CharField(max_length=200)
    rank_value = models.FloatField(null=True, help_text=f"Main score to {RANK_DECIMALS} decimals; null: undefined.")
    result = models.JSONField(help_text="Evaluation.to_dict() of scoring.")
    private_result = models.JSONField(null=True, help_text="The same on the private part of the answer key.")
    private_rank_value = models.FloatField(null=True)
    duration_ms = models.FloatField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["submission", "answer_key", "scorer_version", "formula"],
                name="evaluation_once_per_key_scorer_formula",
            ),
            models.CheckConstraint(
                condition=Q(is_current=False) | Q(published_at__isnull=False), name="evaluation_in_force_is_published"
            ),
            models.UniqueConstraint(fields=["submission"], condition=Q(is_current=True), name="evaluation_one_current"),
            models.CheckConstraint(
                condition=Q(rank_value=None) | Q(rank_value__gte=-LARGEST_FLOAT, rank_value__lte=LARGEST_FLOAT),
                name="evaluation_rank_value_finite",
            ),
            models.CheckConstraint(
                condition=Q(private_rank_value=None)
                | Q(private_rank_value__gte=-LARGEST_FLOAT, private_rank_value__lte=LARGEST_FLOAT),
                name="evaluation_private_rank_value_finite",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.submission}: {self.rank_value}"


class Score(models.Model):
    """One defined metric of an evaluation, over the whole key."""

    class Metric(models.TextChoices):
        MAIN = "main", "Main score"
        SROCC = "srocc", "SRoCC"
        KROCC = "krocc", "KRoCC"
        PLCC = "plcc", "PLCC"
        RMSE = "rmse", "RMSE"
        PEARSON = "pearson", "Pearson, no mapping"
        PLCC_LOGISTIC4 = "plcc_logistic4", "PLCC, four parameters"

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="scores")
    metric = models.CharField(max_length=20, choices=Metric)
    value = models.FloatField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["evaluation", "metric"], name="score_once_per_metric"),
            models.CheckConstraint(
                condition=Q(value__gte=-LARGEST_FLOAT, value__lte=LARGEST_FLOAT), name="score_finite"
            ),
        ]
        ordering: ClassVar = [F("metric").asc()]

    def __str__(self) -> str:
        return f"{self.metric} = {self.value:.4f}"
