"""What organisers hand out and what they keep: data files for participants, sealed answer keys for scoring workers.

A DataFile is a place on the data page; what one downloads is a DataFileVersion of it, numbered and immutable.

An AnswerKey row never holds a hidden value: its file is a libsodium sealed box that only a process with the private
key can open (`sealing`). The names in it are public, because participants need them to write their files.
"""

import datetime
import uuid
from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils import timezone

from challenge.contests.models import Challenge, Phase
from challenge.core.downloads import safe_file_name


class DataFile(models.Model):
    """One downloadable file of a challenge: what it is, who may have it from when. Its content is in its versions."""

    class Audience(models.TextChoices):
        PUBLIC = "public", "Everybody"
        PARTICIPANTS = "participants", "Registered participants"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="data_files")
    title = models.CharField(max_length=200)
    description = models.CharField(max_length=300, blank=True)
    licence = models.CharField(max_length=120, blank=True)
    audience = models.CharField(max_length=12, choices=Audience, default=Audience.PARTICIPANTS)
    # Restricted: a file that waited for a phase must not come out because the phase was deleted.
    phase = models.ForeignKey(
        Phase,
        null=True,
        blank=True,
        on_delete=models.RESTRICT,
        related_name="data_files",
        help_text="Not before this phase opens. Empty: at once.",
    )
    available_from = models.DateTimeField(null=True, blank=True, help_text="Not before this moment. Empty: at once.")
    position = models.PositiveIntegerField(default=0)
    file_name = models.CharField(max_length=200, help_text="The name a download gets.")
    path_in_release = models.CharField(max_length=300, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["position", "title"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["challenge", "path_in_release"],
                condition=~models.Q(path_in_release=""),
                name="data_file_once_per_release_path",
            )
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """The download of the newest version."""
        return reverse("download", args=[self.pk])

    def clean(self) -> None:
        """The phase is one of the same challenge, and the name is one that a browser can save under."""
        self.file_name = safe_file_name(self.file_name)
        if self.phase and self.phase.challenge_id != self.challenge_id:
            raise ValidationError({"phase": "Choose a phase of the same challenge."})

    @property
    def newest(self) -> "DataFileVersion":
        """The version that the page offers. Every file has one: both are stored in one transaction."""
        return self.versions.all()[0]

    @property
    def opens_at(self) -> datetime.datetime | None:
        """From when others than the organisers may have it; None: at once."""
        moments = [self.available_from, self.phase.opens_at if self.phase else None]
        return max((moment for moment in moments if moment), default=None)


class DataFileVersion(models.Model):
    """The bytes of a data file as they were at one time. Neither row nor stored file ever changes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    data_file = models.ForeignKey(DataFile, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    file = models.FileField(upload_to="data/%Y/%m/")
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    note = models.CharField(
        max_length=300, blank=True, help_text="What changed, for those who have the version before."
    )
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["data_file", "number"], name="data_file_version_unique"),
            models.CheckConstraint(condition=models.Q(number__gte=1), name="data_file_version_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.data_file}, version {self.number}"

    def get_absolute_url(self) -> str:
        """The download of this version."""
        return reverse("download-version", args=[self.data_file_id, self.number])


class Download(models.Model):
    """One download that was started, with the requests that went on with it. No address is stored, hashed or not.

    `user` is None for visitors (and for accounts that are gone); they cannot be told apart.
    """

    class Via(models.TextChoices):
        PAGE = "page", "Page"
        API = "api", "API"

    version = models.ForeignKey(DataFileVersion, on_delete=models.CASCADE, related_name="downloads")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    via = models.CharField(max_length=4, choices=Via)
    first_byte = models.PositiveBigIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    last_request_at = models.DateTimeField()
    requests = models.PositiveIntegerField(default=1)

    class Meta:
        ordering: ClassVar = ["-started_at"]
        indexes: ClassVar = [models.Index(fields=["version", "user", "last_request_at"], name="download_to_resume")]

    def __str__(self) -> str:
        return f"{self.version}, {self.started_at:%Y-%m-%d %H:%M}"


class AnswerKey(models.Model):
    """The hidden MOS of a phase, sealed. Versions are numbered and immutable; one of them is in force."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="answer_keys")
    version = models.PositiveIntegerField(editable=False)
    is_current = models.BooleanField(default=True, editable=False)
    sealed = models.FileField(upload_to="answer-keys/", editable=False)
    sealed_sha256 = models.CharField(max_length=64, editable=False)
    names = models.FileField(upload_to="answer-key-names/", editable=False)
    rows = models.PositiveIntegerField(editable=False)
    subset_columns = models.JSONField(default=list, editable=False)
    further_columns = models.JSONField(
        default=list, editable=False, help_text="What further criteria need: mos_std, n_ratings, pair_group."
    )
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
        ]

    def __str__(self) -> str:
        return f"{self.phase}, answer key {self.version}"


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
