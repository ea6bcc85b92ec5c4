"""Work that follows a score, on a queue of its own so that it never delays one.

An Analysis belongs to one Evaluation: the same evaluation once more with everything that takes long. A Comparison
belongs to one board: which of its differences are real. Both are made from rows that are there already, can be thrown
away and made again, and hold nothing that participants may not see where they may see scores, except diagnostics.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from challenge.contests.models import Phase
from challenge.core.work import Leased, Work
from challenge.submissions.models import Evaluation


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
