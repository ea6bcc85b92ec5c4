"""What a new fact sheet begins with: what the team has said of its method when it submitted, `readme.txt` included."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from challenge.contests.models import Phase, Team
from challenge.reports.models import Collection
from challenge.submissions.counting import counting_evaluation
from challenge.submissions.models import Submission
from challenge.submissions.states import Status


def scored_in_time(phase: Phase | OuterRef) -> Any:
    """The submissions of teams that make them owe a fact sheet."""
    return Submission.objects.filter(phase=phase, status=Status.SCORED, is_late=False, team__isnull=False)


def owes_sheet(team: Team, phase: Phase) -> bool:
    """Whether the team has a scored submission in the phase that came in time."""
    return bool(scored_in_time(phase).filter(team=team).exists())


def phases_that_ask(team: Team) -> set[UUID]:
    """The phases that collect sheets, or did, and in which the team owes one. One query."""
    owing = scored_in_time(OuterRef("phase")).filter(team=team)
    rows = Collection.objects.filter(Exists(owing), phase__challenge=team.challenge_id)
    return set(rows.values_list("phase", flat=True))


def source_of(team: Team, phase: Phase) -> Submission | None:
    """The submission that counts; the newest one where saying which counts would tell hidden scores."""
    tells_scores = phase.is_ladder or (phase.is_blind and phase.board_rule == Phase.BoardRule.BEST)
    if tells_scores:
        newest: Submission | None = scored_in_time(phase).filter(team=team).order_by("-received_at", "pk").first()
        return newest
    counting = counting_evaluation(team, phase)
    return counting.submission if counting else None


def initial_of(team: Team, phase: Phase) -> dict[str, Any]:
    """Fields of a sheet that is not there yet, as a form takes them."""
    initial: dict[str, Any] = {"team_title": team.name}
    source = source_of(team, phase)
    if source is None:
        return initial
    return initial | {
        "method_name": source.method_name,
        "description": source.description,
        "runtime_s": source.runtime_s or None,  # 0 is no runtime
        "device": source.get_device_display() if source.device else "",
        "extra_data": source.extra_data,
    }
