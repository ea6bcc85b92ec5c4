"""Results that somebody may see, for one submission or for many, in one query."""

import dataclasses
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from challenge.contests.access import Viewer, is_organiser, may_see_private, may_see_results
from challenge.core.work import State
from challenge.submissions.models import Evaluation, Submission

MAIN_METRICS = ("main", "srocc", "krocc", "plcc", "rmse")
UNDEFINED = "undefined on the images that are scored"


def visible_evaluations(user: Viewer, submissions: Iterable[Submission]) -> dict[UUID, Evaluation | None]:
    """Submission -> its current evaluation (None while there is none), where `user` may see results of its phase.

    A submission of a blind phase, or of one with a Ladder, is not among the keys for anybody but an organiser.
    Diagnostics are not loaded.
    """
    rows = list(submissions)
    phases = {row.phase_id: row.phase for row in rows}
    allowed = {pk for pk, phase in phases.items() if may_see_results(user, phase)}
    phase_of = {row.pk: row.phase_id for row in rows}
    split = {
        pk for pk, phase in phases.items() if phase.public_share is not None and not is_organiser(user, phase.challenge)
    }
    found: dict[UUID, Evaluation | None] = {row.pk: None for row in rows if row.phase_id in allowed}
    current = Evaluation.objects.filter(is_current=True, submission__in=list(found))
    heavy = ("private_result", "analysis__sealed_draws", "analysis__diagnostics")
    for evaluation in current.select_related("answer_key", "analysis").defer(*heavy):
        found[evaluation.submission_id] = evaluation
        if phase_of[evaluation.submission_id] in split:
            evaluation.result = _without_words(evaluation.result)
            if getattr(evaluation, "analysis", None) and evaluation.analysis.result is not None:
                evaluation.analysis.result = _without_words(evaluation.analysis.result)
    return found


def _without_words(result: dict[str, Any]) -> dict[str, Any]:
    """Without warnings and the wording of reasons: on a part of a key they tell which images are in it."""
    words = {"reasons": dict.fromkeys(result["reasons"], UNDEFINED), "warnings": []}
    logistic = {**result["logistic"], "reason": ""}
    return {**result, **words, "logistic": logistic}


def visible_private_scores(user: Viewer, submissions: Iterable[Submission]) -> dict[UUID, dict[str, float | None]]:
    """Submission -> its main metrics on the private part, where `user` may see them."""
    rows = list(submissions)
    phases = {row.phase_id: row.phase for row in rows if row.phase.public_share is not None}
    allowed = [pk for pk, phase in phases.items() if may_see_private(user, phase)]
    current = Evaluation.objects.filter(
        is_current=True,
        private_result__isnull=False,
        submission__in=[row.pk for row in rows if row.phase_id in allowed],
    )
    return {
        pk: {metric: result.get(metric) for metric in MAIN_METRICS}
        for pk, result in current.values_list("submission", "private_result")
        if result is not None
    }


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a Ladder has shown for one submission: all that its team learns of the result. `step` is for organisers."""

    shown: float | None
    moved: bool
    reason: str
    step: float | None


def visible_releases(user: Viewer, submissions: Iterable[Submission]) -> dict[UUID, Shown | None]:
    """Submission of a phase with a Ladder -> what was released for it (None while nothing was)."""
    rows = [row for row in submissions if row.phase.is_ladder and row.team_id]
    challenges = {row.phase.challenge_id: row.phase.challenge for row in rows}
    organised = {pk for pk, challenge in challenges.items() if is_organiser(user, challenge)}
    challenge_of = {row.pk: row.phase.challenge_id for row in rows}
    found: dict[UUID, Shown | None] = dict.fromkeys(challenge_of)
    current = Evaluation.objects.filter(is_current=True, release__isnull=False, submission__in=list(found))
    columns = ("submission", "release__shown", "release__moved", "release__reason", "release__step")
    for pk, shown, moved, reason, step in current.values_list(*columns):
        found[pk] = Shown(shown, moved, reason, step if challenge_of[pk] in organised else None)
    return found


def evaluation_history(user: Viewer, submission: Submission) -> list[Evaluation]:
    """Every evaluation that is or was in force, the newest first; none where `user` may not see scores."""
    if not may_see_results(user, submission.phase):
        return []
    rows = Evaluation.objects.filter(submission=submission, published_at__isnull=False)
    return list(
        rows.select_related("answer_key", "receipt").defer("private_result").order_by("-is_current", "-published_at")
    )


def full_result(evaluation: Evaluation) -> dict[str, Any]:
    """What scoring found: with intervals and subsets once the analysis is done, the same scores without them before."""
    analysis = getattr(evaluation, "analysis", None)
    found: dict[str, Any] = evaluation.result if analysis is None or analysis.result is None else analysis.result
    return found


def defined_criteria(result: dict[str, Any]) -> list[tuple[str, Any]]:
    """The further criteria that have a value; most keys lack the columns that the others need."""
    return [(name, value) for name, value in result.get("criteria", {}).items() if value is not None]


def rounded(value: Any, decimals: int | None) -> Any:
    """A result, or any part of one, with all its fractions to so many decimals; as it is for None."""
    if decimals is None:
        return value
    if isinstance(value, float):
        return round(value, decimals)
    if isinstance(value, dict):
        return {key: rounded(item, decimals) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item, decimals) for item in value]
    return value


def is_analysing(evaluation: Evaluation) -> bool:
    """Whether intervals and subsets are still to come."""
    analysis = getattr(evaluation, "analysis", None)
    return analysis is not None and analysis.state in (State.WAITING, State.RUNNING)


def main_metrics(evaluation: Evaluation | None) -> dict[str, float]:
    """The defined metrics over the whole key; empty without an evaluation."""
    if evaluation is None:
        return {}
    names = ("main", "srocc", "krocc", "plcc", "rmse", "pearson", "plcc_logistic4")
    return {name: evaluation.result[name] for name in names if evaluation.result.get(name) is not None}
