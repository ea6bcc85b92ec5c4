"""A Study, its images and subjects, and what they did: sessions, trials, ratings.

A Subject rates one group of images in a RatingSession. Its Trials are the images in their order, fixed when the session
starts. A Rating is an answer to a trial and is never changed: one that takes another's place marks it superseded.

Whoever reads Rating rows has the MOS. They are in the database of the web tier until the study is archived
(`archive`); from then on they are in a sealed file that workers alone can open.
"""

import datetime
import hashlib
import secrets
import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from challenge.contests.models import Challenge


class Study(models.Model):
    """One study of a challenge: what is asked, in which portions, of whom.

    `questionnaire` is a list of {"label", "choices"}; without choices the answer is free text. Consent is given to a
    version of its text: a changed text is a new version, and everybody is asked again.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Being prepared"
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"

    class Languages(models.TextChoices):
        ENGLISH = "en", "English"
        CHINESE = "zh", "中文"
        BOTH = "both", "English and 中文"

    class Check(models.TextChoices):
        OFF = "off", "Off"
        RECORD = "record", "Record the result"
        PASS = "pass", "Must be passed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="studies")
    title = models.CharField(max_length=120, help_text="Subjects read it.")
    state = models.CharField(max_length=6, choices=State, default=State.DRAFT, editable=False)
    languages = models.CharField(
        max_length=4, choices=Languages, default=Languages.ENGLISH, help_text="Of the subjects' pages."
    )
    scale_low = models.PositiveSmallIntegerField("lowest score", default=0)
    scale_high = models.PositiveSmallIntegerField("highest score", default=5, validators=[MaxValueValidator(9)])
    step = models.FloatField(
        "step of the slider", default=0.1, choices=[(0.1, "0.1"), (0.5, "0.5"), (1.0, "1: whole scores only")]
    )
    session_images = models.PositiveIntegerField(
        "images in a session",
        default=500,
        validators=[MinValueValidator(2)],
        help_text="Images without a group are dealt out in groups of this size when the study opens.",
    )
    session_minutes = models.PositiveIntegerField(
        "minutes of a session", default=30, help_text="After these a subject is told that it is time to stop."
    )
    rest_minutes = models.PositiveIntegerField(
        "minutes of rest", default=30, help_text="From the end of a session to the next one of the same subject."
    )
    sessions_per_day = models.PositiveSmallIntegerField(
        "sessions within 24 hours", default=4, validators=[MinValueValidator(1)], help_text="Of one subject, at most."
    )
    warm_ups = models.PositiveSmallIntegerField(
        "warm-up images", default=5, help_text="At the beginning of each session; they do not count."
    )
    repeats = models.PositiveSmallIntegerField(
        "hidden repeats",
        default=10,
        help_text="Images of a session that are shown twice: do subjects agree with "
        "themselves? The second ratings do not count.",
    )
    golds = models.PositiveSmallIntegerField(
        "gold images", default=5, help_text="In each session, of those whose score is known; they do not count."
    )
    display_check = models.CharField("check of the display", max_length=6, choices=Check, default=Check.OFF)
    acuity_check = models.CharField("check of visual acuity", max_length=6, choices=Check, default=Check.OFF)
    colour_check = models.CharField("check of colour vision", max_length=6, choices=Check, default=Check.OFF)
    viewing_distance = models.PositiveSmallIntegerField(
        "viewing distance in cm",
        default=60,
        validators=[MinValueValidator(30), MaxValueValidator(300)],
        help_text="From eye to screen, for the check of acuity.",
    )
    training_images = models.PositiveSmallIntegerField(
        "training images",
        default=10,
        help_text="Anchors that a subject rates before the first session and is told whether the score lies in the "
        "expected range; they do not count.",
    )
    seed = models.PositiveIntegerField(default=0, help_text="Of the order of the images.")
    instructions = models.TextField(blank=True, help_text="Markdown. Shown before each session.")
    instructions_zh = models.TextField("instructions in Chinese", blank=True)
    consent_text = models.TextField("consent", help_text="Markdown. What subjects agree to before they begin.")
    consent_text_zh = models.TextField("consent in Chinese", blank=True)
    consent_version = models.PositiveIntegerField(default=1, editable=False)
    questionnaire = models.JSONField(default=list, blank=True, editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name_plural = "studies"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(scale_low__lt=F("scale_high"), scale_high__lte=9), name="study_scale_rises"
            ),
            models.CheckConstraint(condition=Q(step__gt=0, step__lte=1), name="study_step_positive"),
            models.CheckConstraint(condition=Q(archived_at=None) | Q(state="closed"), name="study_archived_is_closed"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Its page for organisers."""
        return reverse("study", args=[self.challenge.slug, self.pk])

    def clean(self) -> None:
        """The scale rises."""
        if self.scale_low is not None and self.scale_high is not None and self.scale_low >= self.scale_high:
            raise ValidationError({"scale_high": "The highest score lies above the lowest."})

    def text(self, name: str, language: str) -> str:
        """`consent_text` or `instructions` in a language, in English where that is missing."""
        found = getattr(self, f"{name}_zh") if language == "zh" else ""
        return str(found or getattr(self, name))


class StudyImage(models.Model):
    """An image, stored without metadata. Subjects never see its name.

    `group`: which session shows it, for images that count. Gold images, and the anchors of the training, have the range
    that a careful subject stays in.
    """

    class Role(models.TextChoices):
        MAIN = "main", "Rated"
        GOLD = "gold", "Gold"
        WARM_UP = "warmup", "Warm-up"
        ANCHOR = "anchor", "Training"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="images")
    name = models.CharField(max_length=200)
    file = models.FileField(upload_to="study-images/%Y/%m/")
    size = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    prompt = models.TextField(blank=True)
    translation = models.TextField(blank=True)
    translation_source = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=6, choices=Role, default=Role.MAIN)
    group = models.PositiveIntegerField(null=True)
    expected_low = models.FloatField(null=True)
    expected_high = models.FloatField(null=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["study", "name"], name="study_image_once"),
            models.CheckConstraint(
                condition=Q(role__in=("gold", "anchor"), expected_low__isnull=False, expected_high__isnull=False)
                & Q(expected_low__lte=F("expected_high"))
                | (Q(role__in=("main", "warmup"), expected_low=None, expected_high=None)),
                name="study_image_gold_has_a_range",
            ),
            models.CheckConstraint(condition=Q(group=None) | Q(role="main"), name="study_image_group_if_rated"),
        ]

    def __str__(self) -> str:
        return self.name


class Subject(models.Model):
    """Somebody who rates, known by a number and reached by a link. The link's token is stored hashed only.

    `user`: the account of a subject that has one; from then on the link works for that account only. A subject who
    withdraws keeps the number and nothing else that tells who it was.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="subjects")
    number = models.PositiveIntegerField()
    token_digest = models.CharField(max_length=64, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="study_subjects"
    )
    language = models.CharField(max_length=2, choices=[("en", "English"), ("zh", "中文")], default="en")
    consented_at = models.DateTimeField(null=True)
    consent_version = models.PositiveIntegerField(default=0)
    answers = models.JSONField(default=list)
    withdrawn_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["study", "number"], name="subject_number_unique"),
            models.UniqueConstraint(fields=["token_digest"], condition=~Q(token_digest=""), name="subject_link_unique"),
            models.UniqueConstraint(
                fields=["study", "user"], condition=Q(user__isnull=False), name="subject_user_once"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(token_digest=""), name="subject_withdrawn_has_no_link"
            ),
            models.CheckConstraint(
                condition=Q(consent_version=0, consented_at=None)
                | Q(consent_version__gte=1, consented_at__isnull=False),
                name="subject_consent_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def code(self) -> str:
        """How tables call the subject: `S007`."""
        return f"S{self.number:03d}"

    @staticmethod
    def new_token() -> str:
        """An unguessable text for a link (192 bits, so a fast hash is enough)."""
        return secrets.token_urlsafe(24)

    @staticmethod
    def digest_of(token: str) -> str:
        """What is stored for a token."""
        return hashlib.sha256(token.encode()).hexdigest()


class RatingSession(models.Model):
    """One subject and one group of images. The order of its trials is drawn once, from the seed of the study.

    `page`: the token of the page that rates at the moment, `device` its browser, `page_seen_at` when it was last heard
    of; `pages`: all that have. `environment`: what the browser says about the display.
    A session that is set aside was opened again by an operator: the subject rates the group once more.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DONE = "done", "Done"
        SET_ASIDE = "set_aside", "Set aside"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="sessions")
    number = models.PositiveIntegerField()
    group = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    page = models.UUIDField(null=True)
    pages = models.JSONField(default=list)
    device = models.CharField(max_length=40, blank=True)
    page_seen_at = models.DateTimeField(null=True)
    environment = models.JSONField(default=dict)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subject", "number"], name="rating_session_number_unique"),
            models.UniqueConstraint(
                fields=["subject", "group"], condition=~Q(state="set_aside"), name="rating_session_group_once"
            ),
            models.UniqueConstraint(fields=["subject"], condition=Q(state="open"), name="rating_session_one_open"),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(finished_at__isnull=False), name="rating_session_done_has_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject}, session {self.number}"


class Trial(models.Model):
    """An image at its place in a session. Its id is all that a subject's browser sees of the image."""

    class Kind(models.TextChoices):
        WARM_UP = "warmup", "Warm-up"
        MAIN = "main", "Rated"
        REPEAT = "repeat", "Repeat"
        GOLD = "gold", "Gold"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(RatingSession, on_delete=models.CASCADE, related_name="trials")
    position = models.PositiveIntegerField()
    image = models.ForeignKey(StudyImage, on_delete=models.RESTRICT, related_name="trials")
    kind = models.CharField(max_length=6, choices=Kind)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["session", "position"], name="trial_position_unique"),
            models.UniqueConstraint(fields=["session", "image", "kind"], name="trial_image_once_per_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.session}, image {self.position}"


class Rating(models.Model):
    """An answer to a trial: a score, or a flag instead of one. Rows are only added; `id` is given by the browser.

    The one that is not superseded counts. `response_ms`: from the image on the screen to the answer; `first_ms`: to
    the first input; `was_hidden`: the page was out of sight meanwhile, so the times say nothing.
    """

    class Input(models.TextChoices):
        KEY = "key", "Key"
        SLIDER = "slider", "Slider"

    class Flag(models.TextChoices):
        BROKEN = "broken", "Not shown rightly"
        OFFENSIVE = "offensive", "Offensive"

    id = models.UUIDField(primary_key=True, editable=False)
    trial = models.ForeignKey(Trial, on_delete=models.CASCADE, related_name="ratings")
    value = models.FloatField(null=True)
    flag = models.CharField(max_length=9, choices=Flag, blank=True)
    is_superseded = models.BooleanField(default=False)
    supersedes = models.UUIDField(null=True)
    input = models.CharField(max_length=6, choices=Input)
    response_ms = models.PositiveIntegerField()
    first_ms = models.PositiveIntegerField(null=True)
    was_hidden = models.BooleanField(default=False)
    client_at = models.DateTimeField()
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["trial"], condition=Q(is_superseded=False), name="rating_one_counts_per_trial"
            ),
            models.CheckConstraint(
                condition=Q(value__isnull=False, value__gte=0, value__lte=9, flag="") | (Q(value=None) & ~Q(flag="")),
                name="rating_is_a_score_or_a_flag",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.trial}: {self.flag or self.value}"


def age(moment: datetime.datetime | None) -> Any:
    """How long ago `moment` was; as good as for ever where there is none."""
    return datetime.timedelta.max if moment is None else timezone.now() - moment


# Django finds the models of an app in this module.
from challenge.study.records import FigureRun, OpinionRun, Preparation, Publication, SealedRatings, StudyEvent  # noqa: E402, F401
