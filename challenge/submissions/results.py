"""Results that somebody may see, for one submission or for many, in one query."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from challenge.contests.access import Viewer, may_see_scores
from challenge.core.work import State
from challenge.submissions.models import Evaluation, Submission


def visible_evaluations(user: Viewer, submissions: Iterable[Submission]) -> dict[UUID, Evaluation | None]:
    """Submission -> its current evaluation (None while there is none), where `user` may see scores of its phase.

    A submission of a blind phase is not among the keys for anybody but an organiser. `scatter` is not loaded.
    """
    rows = list(submissions)
    phases = {row.phase_id: row.phase for row in rows}
    allowed = {pk for pk, phase in phases.items() if may_see_scores(user, phase)}
    found: dict[UUID, Evaluation | None] = {row.pk: None for row in rows if row.phase_id in allowed}
    current = Evaluation.objects.filter(is_current=True, submission__in=list(found))
    for evaluation in current.select_related("answer_key", "analysis").defer("scatter", "analysis__sealed_draws"):
        found[evaluation.submission_id] = evaluation
    return found


def evaluation_history(user: Viewer, submission: Submission) -> list[Evaluation]:
    """Every evaluation that is or was in force, the newest first; none where `user` may not see scores."""
    if not may_see_scores(user, submission.phase):
        return []
    rows = Evaluation.objects.filter(submission=submission, published_at__isnull=False)
    return list(rows.select_related("answer_key", "receipt").defer("scatter").order_by("-is_current", "-published_at"))


def full_result(evaluation: Evaluation) -> dict[str, Any]:
    """What scoring found: with intervals and subsets once the analysis is done, the same scores without them before."""
    analysis = getattr(evaluation, "analysis", None)
    found: dict[str, Any] = evaluation.result if analysis is None or analysis.result is None else analysis.result
    return found


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
