"""What a rescoring changes: who moves on the board, by how much the main scores change, what fails.

A report is a dict of JSON values: `rows` (one line of the board each: label, is_reference, old_rank, new_rank,
old_main, new_main, change), `moved` (rows whose rank changes), `changed` (submissions whose main score changes, at
the decimals that ranks see), `largest` (the largest change of a main score: label, submission, change; or null),
`rescored`, `failures` (label, submission, reason). `change` is null where one of the two main scores is undefined.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from challenge.leaderboards.board import Row, board
from challenge.rescorings.models import Rescored, Rescoring
from challenge.submissions.models import Evaluation, Score
from scoring.formula import RANK_DECIMALS


def make_report(rescoring: Rescoring) -> dict[str, Any]:
    """The report of an open rescoring against the board as it is."""
    phase = rescoring.phase
    rescored = Evaluation.objects.filter(rescored__rescoring=rescoring)
    # Reference lines are of the key in force; those of another key follow when it is published.
    old, new = ([row for row in rows if not row.is_line] for rows in (board(phase), board(phase, evaluations=rescored)))
    items = list(rescored_rows(rescoring))
    pairs = [(item, *mains) for item, mains in zip(items, main_scores(items), strict=True)]
    changes = [
        (item, new_main - old_main)
        for item, old_main, new_main in pairs
        if old_main is not None and new_main is not None
    ]
    largest = max(changes, key=lambda pair: abs(pair[1]), default=None)
    rows = _rows(old, new)
    return {
        "rows": rows,
        "moved": sum(row["old_rank"] != row["new_rank"] for row in rows),
        "changed": sum(_rounded(before) != _rounded(after) for item, before, after in pairs if not item.failure),
        "largest": largest and _item(largest[0]) | {"change": largest[1]},
        "rescored": len(items),
        "failures": [_item(item) | {"reason": item.failure} for item in items if item.failure],
    }


def rescored_rows(rescoring: Rescoring) -> Iterator[Rescored]:
    """Its submissions, oldest first, with what they had and what they get."""
    rows = rescoring.rescored.select_related("submission__team", "before", "evaluation")
    columns = ("result", "private_result")
    deferred = [f"{evaluation}__{column}" for evaluation in ("before", "evaluation") for column in columns]
    return rows.defer(*deferred).order_by("submission__received_at", "submission").iterator()


def main_scores(items: list[Rescored]) -> list[tuple[float | None, float | None]]:
    """(main score before, main score after) of each item, in full; None where there is none."""
    ids = {pk for item in items for pk in (item.before_id, item.evaluation_id)}
    found = Score.objects.filter(metric=Score.Metric.MAIN)
    phases = {item.submission.phase_id for item in items}
    rows = found.filter(evaluation__submission__phase__in=phases).values_list("evaluation", "value")
    values: dict[UUID | None, float] = {pk: value for pk, value in rows if pk in ids}
    return [(values.get(item.before_id), values.get(item.evaluation_id)) for item in items]


def _item(item: Rescored) -> dict[str, Any]:
    return {"label": item.submission.label, "submission": str(item.submission_id)}


def _rounded(main: float | None) -> float | None:
    return None if main is None else round(main, RANK_DECIMALS)


def _rows(old: list[Row], new: list[Row]) -> list[dict[str, Any]]:
    """Each row of either board, in the order of the new one, then those that only the old one has."""
    before = {_key(row): row for row in old}
    rows = [_line(before.pop(_key(row), None), row) for row in new]
    return rows + [_line(row, None) for row in before.values()]


def _key(row: Row) -> UUID:
    return row.team_id or row.submission_id


def _line(old: Row | None, new: Row | None) -> dict[str, Any]:
    shown = new or old
    assert shown is not None  # noqa: S101  one of the two is there
    old_main, new_main = (row.scores.get("main") if row else None for row in (old, new))
    return {
        "label": shown.label,
        "is_reference": shown.is_reference,
        "old_rank": old.rank if old else None,
        "new_rank": new.rank if new else None,
        "old_main": old_main,
        "new_main": new_main,
        "change": None if old_main is None or new_main is None else new_main - old_main,
    }
