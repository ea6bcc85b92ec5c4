"""Challenges and who takes part.

A Challenge has Phases in order (`phases`); a Team belongs to one challenge; a Registration ties one user to one
challenge, to the terms they accepted and to their team, and says whether the organisers let them in. Quotas and board
rows belong to teams (submissions app). What happens to registrations and teams is written down in `records`.
"""

import secrets
import uuid
from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone

from challenge.contests.phases import RESERVED_PHASE_SLUGS, Phase, PhaseEvent, validate_formula
from challenge.contests.records import RegistrationStatus
from challenge.core.text import visible_text

__all__ = [
    "RESERVED_PHASE_SLUGS",
    "Challenge",
    "Phase",
    "PhaseEvent",
    "Registration",
    "Team",
    "new_invitation",
    "team_name",
    "validate_formula",
]


def team_name(text: str) -> str:
    """A team's name as it is stored: visible characters, single spaces."""
    return " ".join(visible_text(text).split())


def new_invitation() -> str:
    """An unguessable invitation code (128 bits)."""
    return secrets.token_urlsafe(16)


class Challenge(models.Model):
    """One competition: its texts, its organisers, its phases, and who may take part.

    `allow_list` has one e-mail address (`anna@example.org`) or domain (`example.org`, which includes its subdomains) a
    line. It is compared with confirmed addresses only. Whoever is on it needs no approval.
    """

    class RegistrationMode(models.TextChoices):
        OPEN = "open", "Everybody takes part at once"
        APPROVAL = "approval", "The organisers accept each registration; those on the allow-list take part at once"
        ALLOW_LIST = "allow_list", "Only those on the allow-list take part, at once"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=120)
    summary = models.CharField(max_length=300, help_text="One sentence for the list of challenges.")
    description = models.TextField(blank=True, help_text="Markdown.")
    terms = models.TextField(blank=True, help_text="Markdown. Participants accept them when they join.")
    terms_version = models.PositiveIntegerField(
        default=1,
        help_text="Noted for each registration. Raise it when the terms change in substance: everybody is asked again "
        "before they get data or submit.",
    )
    registration_mode = models.CharField(max_length=10, choices=RegistrationMode, default=RegistrationMode.OPEN)
    allow_list = models.TextField(blank=True, help_text="One e-mail address or domain a line.")
    is_published = models.BooleanField(default=False, help_text="Unpublished challenges show to organisers only.")
    is_demo = models.BooleanField(default=False, help_text="Marked as a demonstration on every page.")
    max_team_size = models.PositiveSmallIntegerField(default=6, validators=[MinValueValidator(1)])
    team_changes_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text="After this nobody joins a team that exists, changes teams, or merges teams. Empty: no such moment.",
    )
    organisers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="organised_challenges", blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(max_team_size__gte=1), name="challenge_team_size_positive")
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """The challenge's home page."""
        return reverse("challenge", args=[self.slug])

    @property
    def teams_are_fixed(self) -> bool:
        """Whether the moment after which teams do not change has passed."""
        return self.team_changes_until is not None and timezone.now() >= self.team_changes_until


class Team(models.Model):
    """One row of a board and one quota; has one or several registered users, one of whom leads it.

    A team that was merged into another keeps its row and its name: history stays readable, nobody takes the name.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="teams")
    name = models.CharField(max_length=60)
    leader = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="led_teams"
    )
    invitation = models.CharField(max_length=32, unique=True, default=new_invitation, editable=False)
    merged_into = models.ForeignKey(
        "self", null=True, editable=False, on_delete=models.PROTECT, related_name="merged_teams"
    )
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint("challenge", Lower("name"), name="team_name_unique_in_challenge"),
            models.CheckConstraint(
                condition=models.Q(merged_into=None) | ~models.Q(merged_into=models.F("id")),
                name="team_merged_into_another",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """A visible name that no other team of the challenge has: what `join_challenge` asks for, for the admin."""
        self.name = team_name(self.name)
        others = Team.objects.filter(challenge=self.challenge_id).exclude(pk=self.pk)
        if not self.name or others.annotate(lower=Lower("name")).filter(lower=Lower(models.Value(self.name))).exists():
            raise ValidationError({"name": "Give a name that no other team of this challenge has."})

    @property
    def members(self) -> "models.QuerySet[Registration]":
        """Those who hold a place: accepted, or waiting for the organisers."""
        return self.registrations.filter(status__in=Registration.HOLD_A_PLACE)


class Registration(models.Model):
    """A user takes part in a challenge: accepted these terms, plays in this team. Once per user and challenge.

    Only an accepted registration gives rights (`contests.access`). `answers` are what was asked and said when it was
    made: [{"question": text, "answer": text}]. Whoever has left has no team and may join again.
    """

    Status = RegistrationStatus
    HOLD_A_PLACE = (Status.PENDING, Status.ACCEPTED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="registrations")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="registrations")
    team = models.ForeignKey(Team, null=True, on_delete=models.PROTECT, related_name="registrations")
    status = models.CharField(max_length=8, choices=Status, default=Status.ACCEPTED)
    answers = models.JSONField(default=list)
    must_be_approved = models.BooleanField(
        default=False, help_text="Has left a team that had submitted: joins again only if the organisers accept it."
    )
    terms_version = models.PositiveIntegerField()
    terms_accepted_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "user"], name="registration_once_per_challenge"),
            models.CheckConstraint(
                condition=models.Q(status="left", team=None)
                | models.Q(status__in=("pending", "accepted", "rejected"), team__isnull=False),
                name="registration_team_until_left",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["challenge", "status"], name="registration_by_status")]

    def __str__(self) -> str:
        return f"{self.user} in {self.challenge}"

    @property
    def owes_consent(self) -> bool:
        """Whether the terms have changed since they were accepted."""
        return self.terms_version < self.challenge.terms_version
