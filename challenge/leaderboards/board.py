"""The board of a phase: a query over scored rows, never a mutable copy (invariant 5).

Each team has one row, chosen by the phase's rule among its scored submissions that came in time. What came late has a
row of its own below all others, without a rank, chosen by the same rule. Ranks are dense and shared: main scores
equal to six decimals (`Evaluation.rank_value`) have one rank. Undefined scores and reference rows have none.
"""

import dataclasses
import datetime
import hashlib
import math
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from challenge.analyses.lines import reference_lines
from challenge.analyses.models import Analysis, Comparison
from challenge.contests.models import Phase
from challenge.core.work import State
from challenge.submissions.counting import counting_order
from challenge.submissions.models import Evaluation, Score, Submission
from challenge.submissions.references import replaced
from challenge.submissions.states import Status
from scoring.formula import RANK_DECIMALS

METRICS = (Score.Metric.MAIN, Score.Metric.SROCC, Score.Metric.KROCC, Score.Metric.PLCC, Score.Metric.RMSE)
SUBMISSION_COLUMNS: tuple[str, ...] = (
    "submission",
    "submission__kind",
    "submission__is_late",
    "submission__method_name",
    "submission__received_at",
    "submission__team",
    "submission__team__name",
    "submission__team__is_demo",
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a board. `rank` is None for reference rows and undefined scores; `scores` has the defined ones.

    `interval` is the 95 % interval of the main score, once it is analysed. `rank_interval`, `first` (the probability of
    being first) and `group` are there once the board as it stands has been compared. `is_line`: no submission, but a
    ReferenceLine of the organisers; its ids are those of the line.
    """

    rank: int | None
    label: str
    method_name: str
    is_reference: bool
    is_demo: bool
    team_id: UUID | None
    submission_id: UUID
    evaluation_id: UUID
    received_at: datetime.datetime
    entries: int
    rank_value: float | None
    scores: dict[str, float]
    reason: str
    interval: list[float] | None = None
    rank_interval: list[int] | None = None
    first: float | None = None
    group: int | None = None
    is_line: bool = False
    is_late: bool = False


def board(
    phase: Phase, before: datetime.datetime | None = None, *, evaluations: QuerySet[Evaluation] | None = None
) -> list[Row]:
    """The whole board: best first, reference rows in their place between, undefined scores last, late rows below.

    `before`: of what was received before that moment only, as while the public board is frozen.

    `evaluations`: those it is made of, one for each submission; without them those in force.

    Seven queries, an eighth where scores are undefined, whatever the number of teams and submissions.
    """
    in_force = Evaluation.objects.filter(is_current=True)
    chosen = list(_counting_evaluations(phase, in_force if evaluations is None else evaluations, before))
    scores = _scores_of([entry["pk"] for entry in chosen])
    intervals = _intervals_of([entry["pk"] for entry in chosen])
    undefined = [entry["pk"] for entry in chosen if entry["rank_value"] is None]
    # Of a part of the key the reason is not told: it could tell which images are in it.
    reasons = _reasons_of(undefined) if phase.public_share is None else {}
    entries = entries_by_team(phase, before)
    rows: list[Row] = []
    for entry, rank in ranked(chosen):
        pk = entry["pk"]
        row = make_row(entry, rank, scores.get(pk, {}), reasons.get(pk), entries)
        rows.append(dataclasses.replace(row, interval=intervals.get(pk)))
    return _with_lines(phase, _compared(phase, rows))


def _with_lines(phase: Phase, rows: list[Row]) -> list[Row]:
    """The rows with the reference lines in their places: each before the first row that it beats."""
    for line in reference_lines(phase):
        main = line.scores.get("main")
        row = Row(
            rank=None,
            label=line.label,
            method_name=line.description,
            is_reference=True,
            is_demo=False,
            team_id=None,
            submission_id=line.pk,
            evaluation_id=line.pk,
            received_at=line.finished_at or line.created_at,
            entries=0,
            rank_value=None if main is None else round(main, RANK_DECIMALS),
            scores=line.scores,
            reason="" if main is not None else "the formula uses more than this line has",
            interval=line.intervals.get("main"),
            is_line=True,
        )
        beaten = (place for place, other in enumerate(rows) if main is not None and main > _value(other))
        rows = [*rows]
        rows.insert(next(beaten, len(rows)), row)
    return rows


def _value(row: Row) -> float:
    return -math.inf if row.rank_value is None or row.is_late else row.rank_value


def ranked(entries: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], int | None]]:
    """The entries best first by `rank_value`, undefined ones last, late ones below, each with a dense rank that equal
    values share.

    Reference rows, late rows and undefined ones have no rank. Entries of equal value keep their order.
    """
    rank = 0
    last: float | None = None
    for entry in sorted(entries, key=_place):
        may_rank = entry["submission__kind"] == Submission.Kind.PARTICIPANT and not entry["submission__is_late"]
        has_rank = may_rank and entry["rank_value"] is not None
        if has_rank and entry["rank_value"] != last:
            rank, last = rank + 1, entry["rank_value"]
        yield entry, rank if has_rank else None


def _place(entry: dict[str, Any]) -> tuple[bool, bool, float]:
    return entry["submission__is_late"], entry["rank_value"] is None, -(entry["rank_value"] or 0.0)


def fingerprint(rows: Iterable[Row]) -> str:
    """Names what a comparison of these rows looks at: the evaluations that have a rank, and their main scores."""
    text = "\n".join(sorted(f"{row.evaluation_id.hex} {row.rank_value!r}" for row in rows if row.rank is not None))
    return hashlib.sha256(text.encode()).hexdigest()


def _compared(phase: Phase, rows: list[Row]) -> list[Row]:
    """The rows with what the comparison of this very board found; as they are while there is none."""
    found = (
        Comparison.objects.filter(phase=phase, fingerprint=fingerprint(rows)).values_list("table", flat=True).first()
    )
    names = ("rank_interval", "first", "group")
    return [
        dataclasses.replace(row, **{name: line[name] for name in names})
        if found and (line := found.get(str(row.evaluation_id)))
        else row
        for row in rows
    ]


def received(before: datetime.datetime | None, path: str = "") -> Q:
    """Submissions, reached by `path`, that were received before that moment; all for None."""
    return Q(**{f"{path}received_at__lt": before}) if before else Q()


def _counting_evaluations(
    phase: Phase, evaluations: QuerySet[Evaluation], before: datetime.datetime | None
) -> QuerySet[Any, Any]:
    """One of the evaluations for each team, by the phase's rule, another of what it sent late, and of reference rows
    with one name the newest; earlier uploads first."""
    place = Window(
        RowNumber(),
        partition_by=[F("submission__team"), F("submission__is_late")],
        order_by=counting_order(phase),
    )
    # Choosing among thousands reads as few columns as it can; what a board shows is read for the chosen ones only.
    chosen = (
        evaluations.filter(
            ~replaced(before),
            received(before, "submission__"),
            submission__phase=phase,
            submission__status=Status.SCORED,
        )
        .annotate(place=place)
        .filter(Q(place=1) | Q(submission__kind=Submission.Kind.REFERENCE))
        .order_by()
        .values_list("pk", flat=True)
    )
    counting = Evaluation.objects.filter(pk__in=list(chosen)).order_by("submission__received_at", "submission")
    entries: QuerySet[Any, Any] = counting.values("pk", "rank_value", *SUBMISSION_COLUMNS)
    return entries


def _scores_of(evaluation_ids: list[UUID]) -> dict[UUID, dict[str, float]]:
    found: dict[UUID, dict[str, float]] = {}
    rows = Score.objects.filter(evaluation__in=evaluation_ids, metric__in=METRICS).order_by()
    for evaluation, metric, value in rows.values_list("evaluation", "metric", "value"):
        found.setdefault(evaluation, {})[metric] = value
    return found


def _intervals_of(evaluation_ids: list[UUID]) -> dict[UUID, list[float] | None]:
    # One that is made again, for diagnostics, has its result already.
    sound = Analysis.objects.filter(pk__in=evaluation_ids).exclude(state=State.FAILED)
    return dict(sound.values_list("pk", "result__intervals__main"))


def entries_by_team(phase: Phase, before: datetime.datetime | None = None) -> dict[UUID, int]:
    """Team -> its scored submissions in this phase, or those of them that were received before `before`."""
    scored = Submission.objects.filter(received(before), phase=phase, status=Status.SCORED, team__isnull=False)
    return dict(scored.order_by().values_list("team").annotate(Count("pk")))


def _reasons_of(evaluation_ids: list[UUID]) -> dict[UUID, str]:
    """Why these main scores are undefined. Asked for these few only: results are long documents."""
    if not evaluation_ids:
        return {}
    return dict(Evaluation.objects.filter(pk__in=evaluation_ids).values_list("pk", "result__reasons__main"))


def make_row(
    entry: dict[str, Any], rank: int | None, scores: dict[str, float], reason: str | None, entries: dict[UUID, int]
) -> Row:
    """A line of a board from SUBMISSION_COLUMNS, `pk` (of the evaluation) and `rank_value` of `entry`."""
    team_id = entry["submission__team"]
    return Row(
        rank=rank,
        label=entry["submission__team__name"] or entry["submission__method_name"],
        method_name=entry["submission__method_name"],
        is_reference=team_id is None,
        is_demo=bool(entry["submission__team__is_demo"]),
        team_id=team_id,
        submission_id=entry["submission"],
        evaluation_id=entry["pk"],
        received_at=entry["submission__received_at"],
        entries=entries.get(team_id, 1),
        rank_value=entry["rank_value"],
        scores=scores,
        reason=reason or "",
        is_late=entry["submission__is_late"],
    )
