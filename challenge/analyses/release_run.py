"""What a worker does for one team on a Ladder: `scoring.ladder.releases` over all its submissions of a phase.

The order is that in which submissions were accepted: `created_at` is set under the team's lock. (`received_at`, when
the upload began, could put a slow upload before one that is released already.)
"""

from uuid import UUID

import numpy as np
import structlog
from django.db import transaction

from challenge.analyses.analysis_run import draws_of
from challenge.analyses.budget import BudgetSpent, charge, may_spend, spend
from challenge.analyses.models import Analysis, Release
from challenge.analyses.services import store_releases
from challenge.contests.models import Phase, Team
from challenge.core.work import State
from challenge.datasets.sealing import SealingError
from challenge.datasets.services import shown_decimals
from challenge.submissions.models import Evaluation, Submission
from challenge.submissions.states import Status
from scoring.ladder import Released, Submitted, releases
from scoring.leak_budget import cost_of_score

log = structlog.get_logger(__name__)

Draws = dict[UUID, np.ndarray[tuple[int], np.dtype[np.float64]]]


def release(evaluation_id: UUID) -> None:
    """Release what the team of this evaluation may be shown by now, unless that is done.

    Reading the draws takes longest and happens before the lock; what was analysed since then waits for its own call.
    A worker without the private key leaves it to another.
    """
    submission = Submission.objects.select_related("phase").get(evaluations=evaluation_id)
    phase = submission.phase
    if submission.team_id is None or not phase.is_ladder or Release.objects.filter(pk=evaluation_id).exists():
        return
    done = Analysis.objects.filter(
        state=State.DONE, evaluation__submission__team=submission.team_id, evaluation__submission__phase=phase
    )
    try:
        draws = {one.pk: draws_of(one) for one in done.only("sealed_draws")}
    except SealingError as error:
        log.error("draws cannot be opened; the release waits for another worker", error=str(error))
        return
    with transaction.atomic():
        _release(phase, Team.objects.select_for_update().get(pk=submission.team_id), draws)


def _release(phase: Phase, team: Team, draws: Draws) -> None:
    """Add the releases that are new. One that is there stays as it is: it has been seen."""
    evaluations = {
        one.submission_id: one
        for one in Evaluation.objects.filter(submission__team=team, submission__phase=phase, is_current=True)
        .select_related("analysis", "answer_key", "release", "submission")
        .defer("analysis__diagnostics", "analysis__result", "analysis__sealed_draws")
    }
    taking_part = Submission.objects.filter(team=team, phase=phase).exclude(
        status__in=(Status.FAILED, Status.WITHDRAWN)
    )
    order = {pk: (at, pk) for pk, at in taking_part.values_list("pk", "created_at")}
    decimals = shown_decimals(phase)
    found = releases(
        [_submitted(order[pk], evaluations.get(pk), phase, draws) for pk in order if not _is_withheld(evaluations, pk)],
        decimals=decimals,
        standard_errors=phase.standard_errors,
    )
    new: list[Release] = []
    seen: float | None = None  # the score that the team has been shown last
    for submitted, released in found:
        evaluation = evaluations[submitted.order[1]]
        stored: Release | None = getattr(evaluation, "release", None)
        if stored is None:
            stored = _charged(_row(evaluation, released), seen, team, phase, decimals)
            new.append(stored)
        elif (stored.shown, stored.moved, stored.reason) != (released.shown, released.moved, released.reason):
            log.error("a release differs from what it would be now; it stays", evaluation=str(evaluation.pk))
        seen = stored.shown
    if new:
        store_releases(phase, new)


def _is_withheld(evaluations: dict[UUID, Evaluation], submission_id: UUID) -> bool:
    stored: Release | None = getattr(evaluations.get(submission_id), "release", None)
    return stored is not None and stored.is_withheld


def _charged(release: Release, seen: float | None, team: Team, phase: Phase, decimals: int) -> Release:
    """The release, paid for; or where the budget no longer holds a move, one that tells nothing.

    Whether a move could be paid is asked before it is known to be one: the refusal would be an answer otherwise.
    A score that is shown anew after a rescoring was the organisers' decision: it is booked, and never withheld.
    """
    low = -1.0 if seen is None else seen
    dearest, cost = (
        cost_of_score(moved, decimals=decimals, low=low, high=max(1.0, low)) for moved in (True, release.moved)
    )
    if Release.objects.filter(evaluation__submission=release.evaluation.submission, is_withheld=False).exists():
        charge(team, phase, cost, "score shown again after a rescoring", release.evaluation.submission)
        return release
    if may_spend(team, phase, dearest):
        spend(team, phase, cost, "shown score", release.evaluation.submission)
        return release
    return Release(
        evaluation=release.evaluation, shown=seen, moved=False, reason=str(BudgetSpent()), step=None, is_withheld=True
    )


def _submitted(order: object, evaluation: Evaluation | None, phase: Phase, draws: Draws) -> Submitted:
    """A submission as the Ladder sees it. One whose analysis has failed has a score that nothing can be told about."""
    state = evaluation and getattr(evaluation, "analysis", None) and evaluation.analysis.state
    if evaluation is None or state not in (State.DONE, State.FAILED):
        return Submitted(order, pending=True)
    # Scores of another key or formula, while a phase is being scored again, cannot be compared.
    is_outdated = not evaluation.answer_key.is_current or evaluation.formula != phase.formula
    if is_outdated or (state == State.DONE and evaluation.pk not in draws):
        return Submitted(order, pending=True)
    if state == State.FAILED:
        return Submitted(order)
    return Submitted(order, evaluation.result["main"], draws[evaluation.pk])


def _row(evaluation: Evaluation, released: Released) -> Release:
    return Release(
        evaluation=evaluation,
        shown=released.shown,
        moved=released.moved,
        reason=released.reason,
        step=released.step,
    )
