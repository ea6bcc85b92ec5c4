"""The board when a phase is over and its private part decides.

The submission of each team is chosen as during the phase, by what the public part showed: choosing by the private part
would fit it. Its scores and its rank are those of the private part. There are no intervals: draws are public ones.
"""

import dataclasses
import datetime

from challenge.contests.models import Phase
from challenge.leaderboards.board import METRICS, Row, board, ranked
from challenge.leaderboards.released import released_board
from challenge.submissions.models import Evaluation, Submission


def private_board(phase: Phase, before: datetime.datetime | None = None) -> list[Row]:
    """Best first by the private main score, reference rows between, undefined scores last, late rows below.

    `before`: of what was received before that moment only, as while the public board is frozen.
    """
    chosen = released_board(phase, before) if phase.is_ladder else board(phase, before)
    results = Evaluation.objects.filter(pk__in=[row.evaluation_id for row in chosen])
    found = {
        pk: (result, value) for pk, result, value in results.values_list("pk", "private_result", "private_rank_value")
    }
    kinds = {True: Submission.Kind.REFERENCE, False: Submission.Kind.PARTICIPANT}
    entries = [
        {
            "row": row,
            "submission__kind": kinds[row.is_reference],
            "submission__is_late": row.is_late,
            "rank_value": found[row.evaluation_id][1],
        }
        for row in sorted(chosen, key=lambda row: row.received_at)
    ]
    return [
        dataclasses.replace(
            entry["row"],
            rank=rank,
            rank_value=entry["rank_value"],
            scores=_defined(found[entry["row"].evaluation_id][0] or {}),
            reason="",
            interval=None,
            rank_interval=None,
            first=None,
            group=None,
        )
        for entry, rank in ranked(entries)
    ]


def _defined(result: dict[str, float | None]) -> dict[str, float]:
    return {str(metric): value for metric in METRICS if (value := result.get(metric)) is not None}
