"""Results that somebody may see, for one submission or for many, in one query."""

from collections.abc import Iterable
from uuid import UUID

from challenge.contests.access import Viewer, may_see_scores
from challenge.submissions.models import Evaluation, Submission


def visible_evaluations(user: Viewer, submissions: Iterable[Submission]) -> dict[UUID, Evaluation | None]:
    """Submission -> its current evaluation (None while there is none), where `user` may see scores of its phase.

    A submission of a blind phase is not among the keys for anybody but an organiser. `scatter` is not loaded.
    """
    rows = list(submissions)
    phases = {row.phase_id: row.phase for row in rows}
    allowed = {pk for pk, phase in phases.items() if may_see_scores(user, phase)}
    found: dict[UUID, Evaluation | None] = {row.pk: None for row in rows if row.phase_id in allowed}
    current = Evaluation.objects.filter(is_current=True, submission__in=list(found)).select_related("answer_key")
    for evaluation in current.defer("scatter"):
        found[evaluation.submission_id] = evaluation
    return found


def main_metrics(evaluation: Evaluation | None) -> dict[str, float]:
    """The defined metrics over the whole key; empty without an evaluation."""
    if evaluation is None:
        return {}
    names = ("main", "srocc", "krocc", "plcc", "rmse", "pearson", "plcc_logistic4")
    return {name: evaluation.result[name] for name in names if evaluation.result.get(name) is not None}
