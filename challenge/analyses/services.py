"""Every write to analyses and comparisons, and when they are due."""

from typing import Any
from uuid import UUID

from django.core.cache import caches
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.dispatch import receiver
from django.utils import timezone

import scoring
from challenge.analyses import tasks
from challenge.analyses.lines import want_reference_lines
from challenge.analyses.models import Analysis, Comparison, ReferenceLine, Release
from challenge.contests.models import Phase
from challenge.core import work
from challenge.core.tasks import ring_bell
from challenge.core.work import State
from challenge.submissions.models import Evaluation, Submission
from challenge.submissions.signals import evaluation_stored
from challenge.submissions.states import Status

FOLLOW_SWITCHES_SECONDS = 60
NOT_DUE: dict[str, Any] = {"rings": 0, "next_ring_at": Now()}  # the next change of the board calls at once


@receiver(evaluation_stored)
def analyse_later(*, evaluation: Evaluation, **_kwargs: Any) -> None:
    """Every new evaluation waits for its analysis, in the transaction that stores it."""
    Analysis.objects.create(evaluation=evaluation)
    transaction.on_commit(lambda: work.ring(Analysis, tasks.analyse, evaluation.pk))


def analysed(evaluation: Evaluation) -> None:
    """An analysis is done, in the transaction that stores it: the board shows its interval, or a Ladder releases."""
    submission = evaluation.submission
    board_changed(submission.phase_id)
    if submission.team_id and submission.phase.is_ladder:
        transaction.on_commit(lambda: work.ring(Analysis, tasks.release, evaluation.pk))


def board_changed(phase_id: UUID) -> None:
    """What the board of a phase shows has changed: pages are made anew, and it is compared again after the commit."""
    Phase.objects.filter(pk=phase_id).update(board_version=F("board_version") + 1)
    transaction.on_commit(lambda: ring_bell(tasks.compare, phase_id))


def store_comparison(phase: Phase, mark: str, table: dict[str, Any], resamples: int, duration_ms: float) -> None:
    """Put a comparison of the board `phase.board_version` in the place of the one before, and show it."""
    with transaction.atomic():
        Phase.objects.filter(pk=phase.pk).update(board_version=F("board_version") + 1)
        values = {
            # If the board has changed since it was read, this is too low by as much, and the phase stays due.
            "board_version": phase.board_version + 1,
            "fingerprint": mark,
            "table": table,
            "resamples": resamples,
            "duration_ms": duration_ms,
            "compared_at": timezone.now(),
            **NOT_DUE,
        }
        Comparison.objects.update_or_create(phase=phase, defaults=values)


def still_right(phase: Phase) -> None:
    """The board has changed in what a comparison does not look at: the one that is there goes on to count."""
    Comparison.objects.filter(phase=phase).update(board_version=phase.board_version, **NOT_DUE)


def analyse_again(evaluations: QuerySet[Evaluation]) -> int:
    """Have the analyses of these evaluations made once more; how many will be."""
    return work.reset(Analysis.objects.filter(evaluation__in=evaluations))


def unfinished_analyses(evaluations: Any) -> QuerySet[Analysis]:
    """The analyses of these evaluations that are still to come."""
    return Analysis.objects.filter(evaluation__in=evaluations, state__in=(State.WAITING, State.RUNNING))


def store_releases(phase: Phase, new: list[Release]) -> None:
    """Add what a team is shown from now on."""
    with transaction.atomic():
        Release.objects.bulk_create(new)
        board_changed(phase.pk)


def unreleased() -> QuerySet[Analysis]:
    """The analyses that are finished, done or failed, and whose turn on a Ladder has come without a release.

    Their turn has come when every earlier submission of the team is out (failed, withdrawn) or analysed too.
    """
    unfinished = Q(status__in=(Status.RECEIVED, Status.QUEUED, Status.SCORING)) | Q(
        evaluations__is_current=True, evaluations__analysis__state__in=(State.WAITING, State.RUNNING)
    )
    earlier = Submission.objects.filter(
        unfinished,
        team=OuterRef("evaluation__submission__team"),
        phase=OuterRef("evaluation__submission__phase"),
        created_at__lte=OuterRef("evaluation__submission__created_at"),
    )
    return Analysis.objects.filter(
        ~Exists(earlier),
        state__in=(State.DONE, State.FAILED),
        evaluation__is_current=True,
        evaluation__answer_key__is_current=True,
        evaluation__release=None,
        evaluation__submission__team__isnull=False,
        evaluation__submission__phase__release_rule=Phase.ReleaseRule.LADDER,
    )


def follow_switches() -> None:
    """Diagnostics are there exactly where the phase shows the fit: delete those that it no longer shows, have the
    analyses made again that lack them.

    The switch is looked at, not told of: it is followed whoever changed it, by whichever road, and whatever failed
    meanwhile. Pages hide diagnostics at once.
    """
    showing = Q(  # `access.may_see_fit`, for many
        submission__phase__shows_fit=True,
        submission__phase__is_blind=False,
        submission__phase__release_rule=Phase.ReleaseRule.PLAIN,
        submission__phase__public_share=None,
    )
    hidden = Evaluation.objects.filter(analysis__diagnostics__isnull=False).exclude(showing)
    # Most rounds find nothing, and take no writer's lock.
    if rows := list(hidden.values_list("pk", flat=True)[: work.BATCH]):
        Analysis.objects.filter(pk__in=rows).update(diagnostics=None)
    done = {"analysis__state": State.DONE, "analysis__diagnostics__isnull": True}
    lacking = Evaluation.objects.filter(showing, is_current=True, scorer_version=scoring.SCORER_VERSION, **done)
    if rows := list(lacking.values_list("pk", flat=True)[: work.BATCH]):
        analyse_again(Evaluation.objects.filter(pk__in=rows))


def reconcile() -> int:
    """Call a worker for analyses that wait or were lost, for releases that are due, and for boards that have no
    comparison; how many calls. Every FOLLOW_SWITCHES_SECONDS also `follow_switches`, which looks at each analysis."""
    if caches["local"].add("switches-followed", True, FOLLOW_SWITCHES_SECONDS):
        follow_switches()
    rung = work.reconcile(Analysis, tasks.analyse)
    want_reference_lines()
    rung += work.reconcile(ReferenceLine, tasks.reference)
    # A finished analysis is not called for any more, so its row can note the calls for its release.
    for pk, rings in unreleased().filter(next_ring_at__lte=timezone.now()).values_list("pk", "rings")[: work.BATCH]:
        if not work.ring(Analysis, tasks.release, pk, rings):
            break
        rung += 1
    unfinished = Analysis.objects.filter(
        evaluation__submission__phase=OuterRef("pk"),
        evaluation__is_current=True,
        state__in=(State.WAITING, State.RUNNING),
    )
    changed = Phase.objects.filter(board_version__gt=0).exclude(Exists(unfinished))
    for phase in changed.filter(comparison=None):
        Comparison.objects.get_or_create(phase=phase)
    due = changed.filter(comparison__board_version__lt=F("board_version"), comparison__next_ring_at__lte=timezone.now())
    for pk, rings in due.values_list("pk", "comparison__rings"):
        if not work.ring(Comparison, tasks.compare, pk, rings):
            break
        rung += 1
    return rung
