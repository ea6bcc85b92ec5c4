"""The board of a phase with a Ladder: what was released, and nothing else.

One row per team, ranked by the score shown; equal ones share a rank. The row names the submission behind that score.
Reference rows have their main score, rounded in the same way, and stand in the order of what is shown.
"""

import datetime
from typing import Any

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from challenge.analyses.models import Release
from challenge.contests.models import Phase
from challenge.datasets.services import shown_decimals
from challenge.leaderboards.board import SUBMISSION_COLUMNS, Row, entries_by_team, make_row, ranked, received
from challenge.submissions.models import Evaluation, Submission
from challenge.submissions.references import replaced
from challenge.submissions.states import Status


def released_board(phase: Phase, before: datetime.datetime | None = None) -> list[Row]:
    """The board that everybody may see: best first, those without a shown score last. Five queries.

    `before`: of what was received before that moment only, as while the public board is frozen.
    """
    decimals = shown_decimals(phase)
    scored = Evaluation.objects.filter(
        received(before, "submission__"),
        is_current=True,
        submission__phase=phase,
        submission__status=Status.SCORED,
    )
    # Choosing comes first: a condition on a window is a query around it.
    newest_move = [F("moved").desc(), F("evaluation__submission__created_at").desc(), F("pk").asc()]
    teams = (
        Release.objects.filter(evaluation__in=scored)
        .annotate(place=Window(RowNumber(), partition_by=F("evaluation__submission__team"), order_by=newest_move))
        .filter(place=1)
        .order_by()
        .values_list("pk", "shown", "reason")
    )
    shown: dict[Any, tuple[float | None, str]] = {pk: (value, reason) for pk, value, reason in teams}
    ours = scored.filter(~replaced(before), submission__kind=Submission.Kind.REFERENCE)
    references = ours.values_list("pk", "rank_value")
    shown |= {pk: (None if value is None else round(value, decimals), "") for pk, value in references}
    entries = (
        {**entry, "rank_value": shown[entry["pk"]][0]}
        for entry in Evaluation.objects.filter(pk__in=list(shown))
        .order_by("submission__received_at", "submission")
        .values("pk", *SUBMISSION_COLUMNS)
    )
    counts = entries_by_team(phase, before)
    rows = []
    for entry, rank in ranked(entries):
        value, reason = shown[entry["pk"]]
        rows.append(make_row(entry, rank, {} if value is None else {"main": value}, reason, counts))
    return rows
