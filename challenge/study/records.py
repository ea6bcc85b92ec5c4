"""What is kept of a study beside its ratings: events, preparations of subjects, sealed ratings, opinion scores."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from challenge.contests.models import Phase
from challenge.core.work import Work
from challenge.datasets.models import AnswerKey, DataFileVersion
from scoring.screening import THRESHOLD


class StudyEvent(models.Model):
    """What somebody did to a study or a session, and why. Rows are only added."""

    class Action(models.TextChoices):
        CREATED = "created", "Created"
        CHANGED = "changed", "Settings changed"
        OPENED = "opened", "Opened"
        CLOSED = "closed", "Closed"
        IMAGES = "images", "Images added"
        INVITED = "invited", "Subjects invited"
        NEW_LINK = "new_link", "New link"
        REOPENED = "reopened", "Session opened again"
        IMPORTED = "imported", "Ratings imported"
        ARCHIVED = "archived", "Ratings archived"
        WITHDRAWN = "withdrawn", "Subject withdrew"
        PUBLISHED = "published", "Opinion scores published"
        FIGURES = "figures", "Figures computed"

    study = models.ForeignKey("study.Study", on_delete=models.CASCADE, related_name="events")
    session = models.ForeignKey("study.RatingSession", null=True, on_delete=models.SET_NULL, related_name="events")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(max_length=9, choices=Action)
    reason = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(action="reopened") | ~Q(reason=""), name="study_event_reopening_has_a_reason"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.reason}"


class Preparation(models.Model):
    """What a subject did before the first session: a check of the display or the eyes, or training. A row per attempt.

    `display`: what the browser says of it. `steps`: what was asked, one object a question, with the right answer and
    the one given; no page shows a right answer before that. `result`: what organisers see. `passed`: None for training
    and until it is finished.
    """

    class Kind(models.TextChoices):
        DISPLAY = "display", "Display"
        ACUITY = "acuity", "Acuity"
        COLOUR = "colour", "Colour vision"
        TRAINING = "training", "Training"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject = models.ForeignKey("study.Subject", on_delete=models.CASCADE, related_name="preparations")
    kind = models.CharField(max_length=8, choices=Kind)
    display = models.JSONField(default=dict)
    steps = models.JSONField(default=list)
    result = models.JSONField(default=dict)
    passed = models.BooleanField(null=True)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["started_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject", "kind"], condition=Q(finished_at=None), name="preparation_one_open_per_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {self.get_kind_display()}"


class SealedRatings(models.Model):
    """Ratings in a box that workers alone can open: those collected elsewhere, or this study's own once archived.

    The content is CSV `subject,image,session,rating`, an archive has the columns of the raw export.
    """

    class Kind(models.TextChoices):
        IMPORT = "import", "Imported"
        ARCHIVE = "archive", "Archived"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey("study.Study", on_delete=models.CASCADE, related_name="sealed_ratings")
    kind = models.CharField(max_length=7, choices=Kind)
    sealed = models.FileField(upload_to="study-ratings/")
    sealed_sha256 = models.CharField(max_length=64)
    rows = models.PositiveIntegerField()
    subjects = models.PositiveIntegerField()
    images = models.PositiveIntegerField()
    note = models.CharField(max_length=300, blank=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["created_at"]
        verbose_name_plural = "sealed ratings"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["study"], condition=Q(kind="archive"), name="sealed_ratings_one_archive"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.rows} ratings"


class OpinionRun(Work):
    """Opinion scores of all ratings that a study has at one moment, with named options (`scoring.mean_opinion_scores`).

    `result`: screening, diagnostics and warnings, no score of an image. `sealed_table`: the scores, for workers.
    `table`: the same for organisers, only while the ratings themselves are in this database.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey("study.Study", on_delete=models.CASCADE, related_name="opinion_runs")
    number = models.PositiveIntegerField()
    screening = models.CharField(max_length=12, default="srocc")
    threshold = models.FloatField(default=THRESHOLD)
    transform = models.CharField(max_length=14, default="shift_log")
    session_mean = models.CharField(max_length=18, default="subject_session")
    duplicates = models.CharField(max_length=7, default="reject")
    result = models.JSONField(null=True)
    ratings_sha256 = models.CharField(max_length=64, blank=True)
    table = models.FileField(upload_to="study-scores/", blank=True)
    sealed_table = models.FileField(upload_to="study-scores/", blank=True)
    sealed_sha256 = models.CharField(max_length=64, blank=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta(Work.Meta):
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            *Work.Meta.constraints,
            models.UniqueConstraint(fields=["study", "number"], name="opinion_run_number_unique"),
            models.CheckConstraint(
                condition=~Q(state="done") | (Q(result__isnull=False) & ~Q(sealed_table="")),
                name="opinion_run_done_has_a_table",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.study}, opinion scores {self.number}"

    def get_absolute_url(self) -> str:
        """Its diagnostics, for organisers."""
        return reverse("opinion-run", args=[self.study.challenge.slug, self.study_id, self.pk])


class Publication(Work):
    """Opinion scores of some images on their way into an answer key or a data file.

    `images`: CSV `name` with any subset columns, public as the names of an answer key are.
    """

    class Target(models.TextChoices):
        KEY = "key", "Answer key of a phase"
        DATA = "data", "Data file"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(OpinionRun, on_delete=models.CASCADE, related_name="publications")
    target = models.CharField(max_length=4, choices=Target)
    phase = models.ForeignKey(Phase, null=True, on_delete=models.CASCADE, related_name="+")
    title = models.CharField(max_length=200, blank=True)
    images = models.FileField(upload_to="study-scores/")
    answer_key = models.ForeignKey(AnswerKey, null=True, on_delete=models.SET_NULL, related_name="+")
    data_version = models.ForeignKey(DataFileVersion, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta(Work.Meta):
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            *Work.Meta.constraints,
            models.CheckConstraint(
                condition=Q(target="key", phase__isnull=False, title="")
                | (Q(target="data", phase=None) & ~Q(title="")),
                name="publication_has_its_target",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run}: {self.get_target_display()}"


class FigureRun(Work):
    """The paper's figures 3, 6 and 7 from opinion scores and a table of the images (`generation.figures`).

    `table`: CSV of a plan's columns, without opinions. `attributes`: CSV of `generation attributes`, or none.
    `result`: {"3", "6", "7"}: the numbers of each figure, None where a table lacks what it needs; groups of fewer than
    `figure_run.LEAST` images have only their count.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(OpinionRun, on_delete=models.CASCADE, related_name="figure_runs")
    table = models.FileField(upload_to="study-figures/")
    attributes = models.FileField(upload_to="study-figures/", blank=True)
    length = models.CharField(max_length=20)
    all_configurations = models.BooleanField(default=False)
    result = models.JSONField(null=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta(Work.Meta):
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            *Work.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(state="done") | Q(result__isnull=False), name="figure_run_done_has_a_result"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run}: figures"
