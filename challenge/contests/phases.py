"""Phases of a challenge and the record of what organisers did to them: models beside those of `models`.

What its options mean together is in `rules` and `phase_rules`; moving its deadline and freezing its board in
`deadlines`. Quotas are counted in the submissions app.
"""

import datetime
import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone

from challenge.contests import phase_rules
from challenge.contests.rules import option_errors
from scoring.formula import RANK_DECIMALS, Formula, InvalidFormula

DEFAULT_FORMULA = "(srocc + plcc) / 2"
RESERVED_PHASE_SLUGS = frozenset(
    {
        "join",
        "terms",
        "team",
        "teams",
        "mergers",
        "data",
        "submissions",
        "registrations",
        "organisers",
        "studies",
        "desk",
        "announcements",
        "questions",
    }
)


def validate_formula(text: str) -> None:
    """Raise ValidationError unless `text` is arithmetic over the metrics that `scoring` reports."""
    try:
        Formula(text)
    except InvalidFormula as error:
        raise ValidationError(str(error)) from error


class Phase(models.Model):
    """A period in which files are taken, with its quotas, its formula and the rule of its board.

    A daily quota counts the submissions of one team in one UTC calendar day; a total quota those of the whole phase.
    """

    class BoardRule(models.TextChoices):
        BEST = "best", "Best score of each team"
        LAST = "last", "Last scored submission of each team"
        CHOSEN = "chosen", "The submission each team chose (the last one until it chooses)"

    class RankDisplay(models.TextChoices):
        BOTH = "both", "Ranks, with groups of teams that cannot be told apart"
        GROUPS = "groups", "Groups only: teams that cannot be told apart share a rank"
        STRICT = "strict", "Ranks only"

    class ReleaseRule(models.TextChoices):
        PLAIN = "plain", "Plain: every score is shown as it is"
        LADDER = "ladder", "Ladder: a shown score moves only when the gain exceeds its standard error"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    challenge = models.ForeignKey("contests.Challenge", on_delete=models.CASCADE, related_name="phases")
    slug = models.SlugField()
    title = models.CharField(max_length=120)
    description = models.TextField(blank=True, help_text="Markdown.")
    position = models.PositiveSmallIntegerField(default=0)
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    late_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Files that come after the phase has closed and before this are scored, unranked.",
    )
    gate = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.RESTRICT,
        related_name="gated",
        help_text="An earlier phase: only teams with a scored submission there, sent in time, may submit here.",
    )
    gate_minimum = models.FloatField(
        null=True, blank=True, help_text="The main score that the gate asks for; empty: any."
    )
    choice_until = models.DateTimeField(
        null=True, blank=True, help_text="Until when a team may choose what counts; empty: until the phase closes."
    )
    board_frozen_at = models.DateTimeField(
        null=True, blank=True, help_text="Everybody but the organisers sees the board of what was received before this."
    )
    daily_quota = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Per team and UTC day; empty: unlimited."
    )
    total_quota = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Per team; empty: unlimited."
    )
    board_rule = models.CharField(max_length=8, choices=BoardRule, default=BoardRule.BEST)
    rank_display = models.CharField(
        max_length=8,
        choices=RankDisplay,
        default=RankDisplay.BOTH,
        help_text="A group holds the teams whose main scores do not differ significantly (5 %, Holm) from its best.",
    )
    reference_column = models.CharField(
        max_length=60,
        blank=True,
        help_text="A subset column of the answer key, such as generator. The board then has a reference row that "
        "predicts the mean MOS of each of its groups: a metric below it explains less than the label.",
    )
    formula = models.CharField(
        max_length=200, default=DEFAULT_FORMULA, validators=[validate_formula], help_text="Main score."
    )
    is_blind = models.BooleanField(
        default=False, help_text="Participants see a receipt, no score and no board, until this is switched off."
    )
    shows_fit = models.BooleanField(
        default=False,
        help_text="Participants see diagnostics of their submissions. These give away the MOS of every image.",
    )
    release_rule = models.CharField(
        max_length=8,
        choices=ReleaseRule,
        default=ReleaseRule.PLAIN,
        help_text="With a Ladder participants see nothing of a result but the shown score. Best score only, no fit.",
    )
    standard_errors = models.FloatField(
        default=1.0, help_text="Ladder: how many standard errors of the paired difference a gain must exceed."
    )
    shown_decimals = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(RANK_DECIMALS)],
        help_text="Decimals of scores; empty: 4, with a Ladder as many as the number of images supports.",
    )
    leak_budget_bits = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Ladder: bits of information on hidden MOS a team is told at most, for example 500; empty: no limit.",
    )
    public_share = models.FloatField(
        null=True,
        blank=True,
        help_text="The part of the images on which scores are shown, for example 0.5; the rest is private. Empty: all.",
    )
    split_column = models.CharField(
        max_length=60, blank=True, help_text="A column of the answer key whose values both parts hold alike."
    )
    split_secret = models.BinaryField(null=True, editable=False)
    shows_private = models.BooleanField(
        default=False, help_text="When the phase is over: the private part decides, and everybody sees its scores."
    )
    board_version = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta:
        ordering: ClassVar = ["challenge", "position", "opens_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "slug"], name="phase_slug_unique"),
            models.CheckConstraint(condition=models.Q(closes_at__gt=models.F("opens_at")), name="phase_closes_later"),
            models.CheckConstraint(
                condition=models.Q(daily_quota=None) | models.Q(daily_quota__gte=1), name="phase_daily_quota_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(total_quota=None) | models.Q(total_quota__gte=1), name="phase_total_quota_positive"
            ),
            models.CheckConstraint(condition=~models.Q(is_blind=True, shows_fit=True), name="phase_blind_shows_no_fit"),
            models.CheckConstraint(
                condition=models.Q(late_until=None) | models.Q(late_until__gt=models.F("closes_at")),
                name="phase_late_after_closing",
            ),
            models.CheckConstraint(
                condition=models.Q(choice_until=None) | models.Q(choice_until__gt=models.F("opens_at")),
                name="phase_choice_ends_after_opening",
            ),
            models.CheckConstraint(
                condition=models.Q(board_frozen_at=None) | models.Q(board_frozen_at__gt=models.F("opens_at")),
                name="phase_frozen_after_opening",
            ),
            models.CheckConstraint(
                condition=models.Q(gate=None) | ~models.Q(gate=models.F("id")), name="phase_gate_is_another"
            ),
            models.CheckConstraint(
                condition=models.Q(gate_minimum=None)
                | models.Q(gate__isnull=False, gate_minimum__gte=-1e300, gate_minimum__lte=1e300),
                name="phase_gate_minimum_finite",
            ),
            models.CheckConstraint(
                condition=~models.Q(release_rule="ladder")
                | models.Q(board_rule="best", is_blind=False, shows_fit=False),
                name="phase_ladder_shows_the_best_only",
            ),
            models.CheckConstraint(
                condition=models.Q(leak_budget_bits=None) | models.Q(leak_budget_bits__gte=1, release_rule="ladder"),
                name="phase_budget_needs_a_ladder",
            ),
            models.CheckConstraint(condition=models.Q(standard_errors__gt=0), name="phase_standard_errors_positive"),
            models.CheckConstraint(
                condition=models.Q(public_share=None, shows_private=False)
                | models.Q(public_share__gt=0, public_share__lt=1, split_secret__isnull=False),
                name="phase_share_between_0_and_1",
            ),
            models.CheckConstraint(
                condition=~models.Q(release_rule="ladder") | models.Q(late_until=None),
                name="phase_ladder_takes_no_late_files",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.challenge}: {self.title}"

    def save(self, **kwargs: Any) -> None:
        """As usual, with two exceptions. A phase that gets a share gets the secret of its split, which stays.

        And a changed phase never writes `board_version`: scoring raises it at any moment, and a form that was read
        before would put it back.
        """
        self._seal_secret()
        if not self._state.adding and kwargs.get("update_fields") is None:
            kwargs["update_fields"] = [
                field.name for field in self._meta.concrete_fields if field.name not in ("id", "board_version")
            ]
        super().save(**kwargs)

    def get_absolute_url(self) -> str:
        """Where files of this phase are submitted."""
        return reverse("submit", args=[self.challenge.slug, self.slug])

    def clean(self) -> None:
        """Messages for the rules that one field's validators cannot tell."""
        errors: dict[str, Any] = {}
        if self.opens_at and self.closes_at and self.closes_at <= self.opens_at:
            errors["closes_at"] = "A phase closes after it opens."
        if self.is_blind and self.shows_fit:
            errors["shows_fit"] = "A blind phase shows no fit: it would give the hidden scores away."
        errors |= phase_rules.broken(self)
        errors |= option_errors(self)
        self._seal_secret()
        if self.slug in RESERVED_PHASE_SLUGS:
            errors["slug"] = f"«{self.slug}» is a page of every challenge; choose another word."
        elif Phase.objects.filter(challenge=self.challenge_id, slug=self.slug).exclude(pk=self.pk).exists():
            errors["slug"] = "This challenge has a phase with this slug."
        before = Phase.objects.filter(pk=self.pk).values_list("formula", flat=True).first()
        if before not in (None, self.formula) and self.submissions.exists():
            errors["formula"] = (
                "Files were submitted under another formula. Change it on the phase's page «Rescoring», which scores "
                "them again."
            )
        if missing := self._reference_column_missing():
            errors["reference_column"] = missing
        if "formula" not in errors and (lacking := self._columns_lacking()):
            errors["formula"] = f"The answer key of this phase lacks the column {lacking}, which this formula needs."
        if errors:
            raise ValidationError(errors)

    def _reference_column_missing(self) -> str:
        key = self._answer_key()
        if not self.reference_column or key is None or self.reference_column in key.subset_columns:
            return ""
        return f"The answer key has no such column; it has: {', '.join(key.subset_columns) or 'none'}."

    def _seal_secret(self) -> None:
        if self.public_share is not None and not self.split_secret:
            from challenge.datasets.halves import sealed_secret

            self.split_secret = sealed_secret()

    def _columns_lacking(self) -> str:
        from challenge.datasets.services import columns_lacking

        key = self._answer_key()
        return columns_lacking(self.formula, key.further_columns) if key else ""

    def _answer_key(self) -> Any:
        from challenge.datasets.services import current_answer_key

        return None if self._state.adding else current_answer_key(self)

    def state_at(self, now: Any) -> str:
        """`upcoming`, `open`, `late` (files are taken, unranked) or `closed` at the moment `now`."""
        if now < self.opens_at:
            return "upcoming"
        if now < self.closes_at:
            return "open"
        return "late" if self.late_until and now < self.late_until else "closed"

    @property
    def state(self) -> str:
        """The state at this moment."""
        return self.state_at(timezone.now())

    @property
    def choice_ends_at(self) -> datetime.datetime:
        """Until when a team may choose which of its submissions counts."""
        return self.choice_until or self.closes_at

    def may_choose_at(self, now: datetime.datetime) -> bool:
        """Whether teams choose in this phase, and may at the moment `now`."""
        return self.board_rule == self.BoardRule.CHOSEN and self.opens_at <= now < self.choice_ends_at

    @property
    def is_board_frozen(self) -> bool:
        """Whether the public board stands still at this moment."""
        return self.board_frozen_at is not None and self.board_frozen_at <= timezone.now()

    @property
    def is_ladder(self) -> bool:
        """Whether scores are shown by a Ladder (`scoring.ladder`)."""
        return self.release_rule == self.ReleaseRule.LADDER


class PhaseEvent(models.Model):
    """What an organiser did to a phase: who, when, why. Rows are only ever added.

    `before` and `after` are the moment that was changed: the deadline, or that of the freeze (null: not frozen).
    """

    class Kind(models.TextChoices):
        CREATED = "created", "Made from a file"
        DEADLINE = "deadline", "Deadline changed"
        FREEZE = "freeze", "Freeze of the board changed"

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=10, choices=Kind)
    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    before = models.DateTimeField(null=True)
    after = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300)

    class Meta:
        ordering: ClassVar = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.reason}"

    @property
    def is_extension(self) -> bool:
        """Whether it moved the deadline later."""
        return bool(self.kind == self.Kind.DEADLINE and self.before and self.after and self.after > self.before)
