"""Which reference lines a board shall have, and which it shows."""

from django.db.models import Q, QuerySet

from challenge.analyses.models import ReferenceLine
from challenge.contests.models import Phase
from challenge.core.work import State
from challenge.datasets.models import AnswerKey, RatingTable


def want_reference_lines() -> None:
    """Lines that the organisers have asked for and that nobody has worked out for the key in force: one row each."""
    keys = AnswerKey.objects.filter(is_current=True).select_related("phase")
    for key in keys.exclude(phase__reference_column=""):
        if key.phase.reference_column in key.subset_columns:
            ReferenceLine.objects.get_or_create(
                answer_key=key,
                formula=key.phase.formula,
                kind=ReferenceLine.Kind.GROUP_MEAN,
                column=key.phase.reference_column,
            )
    for key in keys.filter(phase__rating_tables__isnull=False).distinct():
        ReferenceLine.objects.get_or_create(
            answer_key=key,
            formula=key.phase.formula,
            kind=ReferenceLine.Kind.CEILING,
            ratings=key.phase.rating_tables.first(),
        )


def reference_lines(phase: Phase) -> QuerySet[ReferenceLine]:
    """The lines that the board of a phase shows: finished, of the key and formula in force, as the organisers ask.

    None where the phase shows a part of the key only: they are of the whole.
    """
    if phase.public_share is not None:
        return ReferenceLine.objects.none()
    newest = RatingTable.objects.filter(phase=phase).order_by("-created_at").values("pk")[:1]
    return ReferenceLine.objects.filter(
        Q(kind=ReferenceLine.Kind.GROUP_MEAN, column=phase.reference_column)
        | Q(kind=ReferenceLine.Kind.CEILING, ratings__in=newest),
        answer_key__phase=phase,
        answer_key__is_current=True,
        formula=phase.formula,
        state=State.DONE,
    )
