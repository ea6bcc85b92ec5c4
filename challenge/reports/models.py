"""What a challenge report is made of: a fact sheet per team and phase with its files, and files made again.

A phase collects fact sheets once it has a Collection. The sheet of a team without a row is missing; a row is a draft
until somebody of the team submits it, and a draft again when it is changed.
"""

import datetime
import uuid
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from challenge.contests.models import Phase, Team
from challenge.core.work import Work
from challenge.submissions.models import LARGEST_FLOAT, Evaluation, Submission

DEFAULT_TOLERANCE = 0.001


class Collection(models.Model):
    """What the organisers ask of the teams of a phase: fact sheets, until when; and how exactly a method is reproduced.

    `tolerance` is how far the main score of a reproduction may be from that of the file the team sent.
    """

    phase = models.OneToOneField(Phase, on_delete=models.CASCADE, related_name="collection")
    is_open = models.BooleanField(default=True)
    closes_at = models.DateTimeField(null=True)
    tolerance = models.FloatField(default=DEFAULT_TOLERANCE)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(tolerance__gte=0, tolerance__lte=LARGEST_FLOAT), name="collection_tolerance_finite"
            )
        ]

    def __str__(self) -> str:
        return f"fact sheets, {self.phase}"

    def takes_sheets_at(self, now: datetime.datetime) -> bool:
        """Whether teams may change their sheets at the moment `now`."""
        return self.is_open and (self.closes_at is None or now < self.closes_at)

    @property
    def takes_sheets(self) -> bool:
        """Whether they may at this moment."""
        return self.takes_sheets_at(timezone.now())


class FactSheet(models.Model):
    """What a team says about its method in one phase. Everything may be empty while it is a draft (`completeness`).

    `version` counts what was saved: a form made from an earlier one is stale.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SUBMITTED = "submitted", "Submitted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="fact_sheets")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="fact_sheets")
    status = models.CharField(max_length=9, choices=Status, default=Status.DRAFT)
    version = models.PositiveIntegerField(default=1)

    team_title = models.CharField(max_length=120, blank=True)
    method_name = models.CharField(max_length=120, blank=True)
    description = models.TextField(blank=True, max_length=6000)
    runtime_s = models.FloatField(null=True, blank=True)
    device = models.CharField(max_length=120, blank=True)
    parameters_m = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(100_000_000)]
    )
    training_data = models.TextField(blank=True, max_length=1000)
    extra_data = models.BooleanField(null=True, blank=True)
    ensemble = models.BooleanField(null=True, blank=True)
    ensemble_details = models.CharField(max_length=500, blank=True)
    code_url = models.URLField(max_length=300, blank=True)
    reference_title = models.CharField(max_length=300, blank=True)
    reference_authors = models.CharField(max_length=500, blank=True)
    reference_venue = models.CharField(max_length=200, blank=True)
    reference_year = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1900), MaxValueValidator(2200)]
    )

    saved_at = models.DateTimeField(default=timezone.now)
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    submitted_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["phase", "team"], name="fact_sheet_once_per_team"),
            models.CheckConstraint(
                condition=Q(runtime_s=None) | Q(runtime_s__gt=0, runtime_s__lte=LARGEST_FLOAT),
                name="fact_sheet_runtime_positive",
            ),
            models.CheckConstraint(
                condition=Q(parameters_m=None) | Q(parameters_m__gte=0, parameters_m__lte=LARGEST_FLOAT),
                name="fact_sheet_parameters_finite",
            ),
            models.CheckConstraint(
                condition=Q(status="draft", submitted_at=None) | Q(status="submitted", submitted_at__isnull=False),
                name="fact_sheet_submitted_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(code_url="") | Q(code_url__startswith="https://"), name="fact_sheet_code_by_https"
            ),
        ]

    def __str__(self) -> str:
        return f"fact sheet of {self.team}, {self.phase}"

    @property
    def is_submitted(self) -> bool:
        """Whether the team has said that it is done."""
        return self.status == self.Status.SUBMITTED


class Author(models.Model):
    """One author of a method, in the order in which they are printed. Several affiliations are parted by semicolons.

    The first author with an e-mail address is whom one writes to.
    """

    sheet = models.ForeignKey(FactSheet, on_delete=models.CASCADE, related_name="authors")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=120)
    affiliation = models.CharField(max_length=300, blank=True)
    email = models.EmailField(blank=True)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sheet", "position"], name="author_position_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="author_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def affiliations(self) -> list[str]:
        """Its affiliations, each once."""
        parts = (part.strip() for part in self.affiliation.split(";"))
        return list(dict.fromkeys(part for part in parts if part))


class SheetSave(models.Model):
    """That a sheet was saved: which version, when, by whom. Rows are only ever added."""

    sheet = models.ForeignKey(FactSheet, on_delete=models.CASCADE, related_name="saves")
    version = models.PositiveIntegerField()
    what = models.CharField(max_length=200)
    at = models.DateTimeField(default=timezone.now)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"version {self.version} of {self.sheet}"


class Attachment(models.Model):
    """A file beside a sheet: a description as PDF, code as a zip. Its team and the organisers may have it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    sheet = models.ForeignKey(FactSheet, on_delete=models.CASCADE, related_name="attachments")
    file = models.FileField(upload_to="reports/files/%Y/%m/")
    name = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["created_at", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sheet", "sha256"], name="attachment_once_per_content")
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Its download."""
        return reverse("sheet-file", args=[self.pk])


class Reproduction(Work):
    """The file that a team's code gave when the organisers ran it, and how it compares with the one the team sent.

    A worker does the comparing, with the key and the formula of `evaluation`, the one in force at that moment. `result`
    is {"scores": {metric: value or null}, "private_scores": the same or null, "agreement": scoring.agreement}. It is no
    submission: no board shows it and no quota counts it. Of one submission the newest counts.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="reproductions")
    evaluation = models.ForeignKey(Evaluation, null=True, on_delete=models.RESTRICT, related_name="+")
    file = models.FileField(upload_to="reports/reproductions/%Y/%m/")
    file_name = models.CharField(max_length=200)
    file_size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    note = models.CharField(max_length=300, blank=True)
    result = models.JSONField(null=True)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta(Work.Meta):
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            *Work.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(state="done") | Q(result__isnull=False, evaluation__isnull=False),
                name="reproduction_done_has_a_result",
            ),
        ]

    def __str__(self) -> str:
        return f"reproduction of {self.submission}"
