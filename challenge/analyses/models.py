"""Work that follows a score, on a queue of its own so that it never delays one.

An Analysis belongs to one Evaluation: the same evaluation once more with everything that takes long. A Comparison
belongs to one board: which of its differences are real. Both are made from rows that are there already, can be thrown
away and made again, and hold nothing that participants may not see where they may see results, except diagnostics. A
Release is what a Ladder has shown: it is neither thrown away nor changed.
"""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from challenge.contests.models import Phase, Team
from challenge.core.work import Leased, Work
from challenge.datasets.models import AnswerKey, RatingTable
from challenge.submissions.models import Evaluation, Submission


class Analysis(Work):
    """Intervals and subsets of one evaluation.

    `result` is `Evaluation.to_dict()` of scoring with everything; its scores are those of the evaluation, to the bit.
    `sealed_draws` has the main score on each resample, float64. It is sealed as an answer key is: from the draws of a
    few hundred submissions and the resamples, which anybody can draw again, the hidden MOS could be solved for.
    `diagnostics` is `Diagnostics.to_dict()` of scoring. It tells MOS, and is there only while the phase shows the fit:
    `services.follow_switches` sees to that.
    """

    evaluation = models.OneToOneField(Evaluation, primary_key=True, on_delete=models.CASCADE, related_name="analysis")
    result = models.JSONField(null=True)
    sealed_draws = models.BinaryField(null=True)
    diagnostics = models.JSONField(null=True)
    resamples = models.PositiveIntegerField(default=1000)
    duration_ms = models.FloatField(null=True)

    class Meta(Work.Meta):
        verbose_name_plural = "analyses"
        constraints: ClassVar = [
            *Work.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(state="done") | Q(result__isnull=False, sealed_draws__isnull=False),
                name="analysis_done_has_a_result",
            ),
        ]
        indexes: ClassVar = [
            *Work.Meta.indexes,
            models.Index(
                fields=["evaluation"], condition=Q(diagnostics__isnull=False), name="analysis_with_diagnostics"
            ),
        ]

    def __str__(self) -> str:
        return f"analysis of {self.evaluation}"


class ReferenceLine(Work):
    """Something a worker reads from the hidden values that no submission could: a row of the board without a rank.

    `group_mean`: the mean MOS of each group of a column, as predictions (never stored: they are hidden values).
    `ceiling`: how well any metric could do, from the raw ratings. `scores`: {metric: value}; `intervals`: {metric:
    [low, high]}.
    """

    class Kind(models.TextChoices):
        GROUP_MEAN = "group_mean", "Group mean"
        CEILING = "ceiling", "Noise ceiling"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    answer_key = models.ForeignKey(AnswerKey, on_delete=models.CASCADE, related_name="reference_lines")
    kind = models.CharField(max_length=10, choices=Kind)
    column = models.CharField(max_length=60, blank=True)
    ratings = models.ForeignKey(RatingTable, null=True, on_delete=models.CASCADE, related_name="+")
    formula = models.CharField(max_length=200)
    scores = models.JSONField(default=dict)
    intervals = models.JSONField(default=dict)

    class Meta(Work.Meta):
        constraints: ClassVar = [
            *Work.Meta.constraints,
            models.UniqueConstraint(
                fields=["answer_key", "formula", "kind", "column"],
                condition=Q(kind="group_mean"),
                name="reference_line_one_per_column",
            ),
            models.UniqueConstraint(
                fields=["answer_key", "formula", "ratings"],
                condition=Q(kind="ceiling"),
                name="reference_line_one_per_ratings",
            ),
            models.CheckConstraint(
                condition=Q(kind="group_mean", ratings=None) | Q(kind="ceiling", ratings__isnull=False),
                name="reference_line_ceiling_has_ratings",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """How the board names it."""
        return f"Mean of each {self.column}" if self.kind == self.Kind.GROUP_MEAN else "Noise ceiling"

    @property
    def description(self) -> str:
        """What it is, in a few words, below the name."""
        if self.kind == self.Kind.GROUP_MEAN:
            return f"predicts the mean MOS of each {self.column}"
        return "how well a perfect predictor would do, the ratings being noisy"


class Release(models.Model):
    """What a team was shown for one submission of a phase with a Ladder (`scoring.ladder.Released`). Never changed.

    For participants: `shown` (the score, rounded; null before the first), `moved` (whether this submission moved it)
    and `reason`. `step`, the standard error it had to beat, is for organisers. `is_withheld`: the team's budget was
    spent, so that nothing was told about this submission and the Ladder goes on as if it were not there.
    """

    evaluation = models.OneToOneField(Evaluation, primary_key=True, on_delete=models.CASCADE, related_name="release")
    shown = models.FloatField(null=True)
    moved = models.BooleanField()
    reason = models.TextField()
    step = models.FloatField(null=True)
    is_withheld = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(moved=False) | Q(shown__isnull=False), name="release_moved_to_a_score"),
        ]

    def __str__(self) -> str:
        return f"{self.shown}: {self.reason}"


class LeakSpend(models.Model):
    """What one answer to a team cost of its budget in a phase, in bits (`scoring.leak_budget`). Rows are only added."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="leak_spends")
    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="leak_spends")
    submission = models.ForeignKey(Submission, null=True, on_delete=models.SET_NULL, related_name="leak_spends")
    bits = models.FloatField()
    what = models.CharField(max_length=80)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(bits__gte=0), name="leak_spend_not_negative")]

    def __str__(self) -> str:
        return f"{self.what}: {self.bits:.1f} bits"


class Comparison(Leased):
    """The comparison of one board, for the rows that `fingerprint` names.

    `board_version` is that of the phase when it was made: a phase with a higher one is due for another.
    `table`: {evaluation id: {"rank_interval", "first", "group", "lead", "lead_interval", "p_next"}}, the last three
    against the next row below.
    """

    phase = models.OneToOneField(Phase, primary_key=True, on_delete=models.CASCADE, related_name="comparison")
    board_version = models.PositiveBigIntegerField(default=0)
    fingerprint = models.CharField(max_length=64, blank=True)
    table = models.JSONField(default=dict)
    resamples = models.PositiveIntegerField(default=0)
    duration_ms = models.FloatField(default=0)
    compared_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"comparison of {self.phase}"
