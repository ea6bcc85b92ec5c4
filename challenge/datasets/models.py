"""What organisers hand out and what they keep: data files for participants, sealed answer keys for scoring workers.

An AnswerKey row never holds a hidden value: its file is a libsodium sealed box that only a process with the private
key can open (`sealing`). The names in it are public, because participants need them to write their files. A KeyCheck is
what a worker found when it opened the box; a key comes into force after that only (`key_check`, `rescorings`).
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from challenge.contests.models import Challenge, Phase
from challenge.core.work import Work


class DataFile(models.Model):
    """One downloadable file of a challenge."""

    class Audience(models.TextChoices):
        PUBLIC = "public", "Everybody"
        PARTICIPANTS = "participants", "Registered participants"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="data_files")
    title = models.CharField(max_length=120)
    description = models.CharField(max_length=300, blank=True)
    licence = models.CharField(max_length=120, blank=True)
    audience = models.CharField(max_length=12, choices=Audience, default=Audience.PARTICIPANTS)
    available_from = models.DateTimeField(null=True, blank=True, help_text="Empty: at once.")
    position = models.PositiveSmallIntegerField(default=0)
    file = models.FileField(upload_to="data/%Y/%m/")
    file_name = models.CharField(max_length=120, help_text="The name a download gets.")
    size = models.PositiveBigIntegerField(editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["position", "title"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """The download."""
        return reverse("download", args=[self.pk])


class AnswerKey(models.Model):
    """The hidden MOS of a phase, sealed. Versions are numbered and immutable; one of them is in force."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="answer_keys")
    version = models.PositiveIntegerField(editable=False)
    is_current = models.BooleanField("in force", default=False, editable=False)
    sealed = models.FileField(upload_to="answer-keys/", editable=False)
    sealed_sha256 = models.CharField(max_length=64, editable=False)
    names = models.FileField(upload_to="answer-key-names/", editable=False)
    rows = models.PositiveIntegerField(editable=False)
    subset_columns = models.JSONField(default=list, editable=False)
    further_columns = models.JSONField(
        default=list, editable=False, help_text="What further criteria need: mos_std, n_ratings, pair_group."
    )
    scale_low = models.FloatField(
        "lowest MOS possible", null=True, blank=True, help_text="The rating scale, such as 1 to 5; empty: not checked."
    )
    scale_high = models.FloatField("highest MOS possible", null=True, blank=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["phase", "-version"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["phase", "version"], name="answer_key_version_unique"),
            models.UniqueConstraint(
                fields=["phase"], condition=models.Q(is_current=True), name="answer_key_one_current"
            ),
            models.CheckConstraint(condition=models.Q(rows__gte=1), name="answer_key_not_empty"),
            models.CheckConstraint(
                condition=models.Q(scale_low=None)
                | models.Q(scale_high=None)
                | models.Q(scale_low__lt=models.F("scale_high")),
                name="answer_key_scale_ordered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.phase}, answer key {self.version}"


class KeyCheck(Work):
    """What a worker found in a sealed key: done, with `findings` for organisers, or failed, with the reason.

    While it waits, `failure` says why the last worker that tried could not open the box. No text holds a MOS.
    """

    answer_key = models.OneToOneField(AnswerKey, primary_key=True, on_delete=models.CASCADE, related_name="check_run")
    findings = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"check of {self.answer_key}"


class RatingTable(models.Model):
    """The raw ratings behind a phase's MOS, sealed as an answer key is: whoever has them has the MOS.

    They say how well any metric could do: the noise ceiling. The newest of a phase counts.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="rating_tables")
    sealed = models.FileField(upload_to="ratings/", editable=False)
    sealed_sha256 = models.CharField(max_length=64, editable=False)
    rows = models.PositiveIntegerField(editable=False)
    subjects = models.PositiveIntegerField(editable=False)
    images = models.PositiveIntegerField(editable=False)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["phase", "-created_at"]

    def __str__(self) -> str:
        return f"{self.phase}, ratings of {self.subjects} subjects"
