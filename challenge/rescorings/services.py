"""Every write to rescorings that people or the reconciler ask for (`rescoring_run` has what a worker does).

Locks are taken in one order: the phase, then the rescoring. Whoever stores a score locks the phase too.
"""

from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.dispatch import receiver
from django.utils import timezone

import scoring
from challenge.accounts.models import User
from challenge.analyses.services import analyse_published
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.contests.models import Phase
from challenge.core import work
from challenge.core.work import State
from challenge.datasets.models import AnswerKey
from challenge.datasets.services import columns_lacking, put_in_force
from challenge.rescorings import tasks
from challenge.rescorings.models import Rescored, Rescoring
from challenge.rescorings.report import make_report
from challenge.submissions.models import Evaluation, Submission, SubmissionEvent
from challenge.submissions.signals import evaluation_stored
from challenge.submissions.states import Status
from scoring.formula import Formula, InvalidFormula

OPEN, PUBLISHED, DISCARDED = Rescoring.Decision.OPEN, Rescoring.Decision.PUBLISHED, Rescoring.Decision.DISCARDED


class RescoringRefused(Exception):
    """It cannot be started, published or discarded now; the text says why and what to do."""


def usable_keys(phase: Phase) -> QuerySet[AnswerKey]:
    """The keys that a worker has checked and found right, newest first."""
    return AnswerKey.objects.filter(phase=phase, check_run__state=State.DONE).order_by("-version")


def scored_submissions(phase: Phase) -> QuerySet[Submission]:
    """What a rescoring of the phase is about: teams' files and reference rows."""
    return Submission.objects.filter(phase=phase, status=Status.SCORED)


def missing(rescoring: Rescoring) -> QuerySet[Submission]:
    """The scored submissions that the rescoring has not come to yet, oldest first."""
    there = Rescored.objects.filter(rescoring=rescoring, submission=OuterRef("pk"))
    return scored_submissions(rescoring.phase).exclude(Exists(there)).order_by("received_at", "pk")


def start(*, phase: Phase, answer_key: AnswerKey, formula: str, reason: str, actor: User) -> Rescoring:
    """Begin to score every scored submission of `phase` with this key, this formula and this server's scorer.

    Raises RescoringRefused when one is open already, the key is not checked, the formula is wrong or needs columns
    that the key lacks, no reason is given, or nothing would change.
    """
    try:
        Formula(formula)
    except InvalidFormula as error:
        raise RescoringRefused(f"The formula: {error}") from error
    if not usable_keys(phase).filter(pk=answer_key.pk).exists():
        raise RescoringRefused("This answer key has not passed the workers' check.")
    if lacking := columns_lacking(formula, answer_key.further_columns):
        raise RescoringRefused(f"The answer key lacks the column {lacking}, which the formula needs.")
    if not reason.strip():
        raise RescoringRefused("Say why: it stays in the history.")
    with transaction.atomic():
        phase = Phase.objects.select_for_update(no_key=True).get(pk=phase.pk)
        if Rescoring.objects.filter(phase=phase, decision=OPEN).exists():
            raise RescoringRefused("A rescoring of this phase is open. Publish or discard it first.")
        others = Evaluation.objects.filter(submission__phase=phase, is_current=True).exclude(
            answer_key=answer_key, formula=formula, scorer_version=scoring.SCORER_VERSION
        )
        if answer_key.is_current and formula == phase.formula and not others.exists():
            raise RescoringRefused("Nothing would change: the scores come from this key, formula and scorer already.")
        rescoring = Rescoring.objects.create(
            phase=phase,
            answer_key=answer_key,
            formula=formula,
            scorer_version=scoring.SCORER_VERSION,
            reason=reason.strip()[:300],
            started_by=actor,
        )
        _record(rescoring, Act.RESCORING_STARTED, actor, rescoring.reason)
        _ring_after_commit(rescoring)
    return rescoring


def _record(rescoring: Rescoring, act: Act, actor: User, reason: str = "") -> None:
    settings = {"answer_key": rescoring.answer_key.version, "formula": rescoring.formula}
    record(actor, act, rescoring, challenge=rescoring.phase.challenge, reason=reason, after=settings)


def retry(rescoring: Rescoring, actor: User) -> bool:
    """Let a rescoring that failed go on where it stopped; False when it did not fail or is decided."""
    with transaction.atomic():
        done = work.reset(Rescoring.objects.filter(pk=rescoring.pk, state=State.FAILED, decision=OPEN))
        if done:
            _record(rescoring, Act.RESCORING_RETRIED, actor)
        _ring_after_commit(rescoring)
    return bool(done)


def discard(rescoring: Rescoring, actor: User) -> None:
    """End an open rescoring without publishing it, also in the middle: the worker stops at the next submission.

    Its evaluations stay and are used again by another rescoring with the same key, scorer and formula. Raises
    RescoringRefused when it is decided already.
    """
    with transaction.atomic():
        rescoring = _locked(rescoring)
        if rescoring.decision != OPEN:
            raise RescoringRefused(f"This rescoring is {rescoring.get_decision_display().lower()} already.")
        values: dict[str, Any] = {"decision": DISCARDED, "decided_by": actor, "decided_at": timezone.now()}
        if rescoring.state == State.DONE:
            values["report"] = make_report(rescoring)
        else:
            values |= {"state": State.FAILED, "failure": "Stopped before it was done.", **work.FREED}
        Rescoring.objects.filter(pk=rescoring.pk).update(**values)
        _record(rescoring, Act.RESCORING_DISCARDED, actor)


def publish(rescoring: Rescoring, actor: User) -> None:
    """Put its evaluations, its key and its formula in force, all at once; what was in force stays as history.

    Raises RescoringRefused, and changes nothing, when it is decided, not done, or files were scored since that it does
    not have yet (a worker is called for them).
    """
    with transaction.atomic():
        rescoring = _locked(rescoring)
        if rescoring.decision != OPEN:
            raise RescoringRefused(f"This rescoring is {rescoring.get_decision_display().lower()} already.")
        left = missing(rescoring).count()
        if rescoring.state == State.DONE and not left:
            _put_in_force(rescoring, actor)
            return
    if rescoring.state == State.FAILED:
        raise RescoringRefused("It failed. Let it go on, or discard it.")
    catch_up(Rescoring.objects.filter(pk=rescoring.pk))
    files = "1 file that was" if left == 1 else f"{left:,} files that were"
    raise RescoringRefused(f"It is still to get {files} scored meanwhile. Look at the report again when it is done.")


def _put_in_force(rescoring: Rescoring, actor: User) -> None:
    now, phase = timezone.now(), rescoring.phase
    report = make_report(rescoring)
    new = Evaluation.objects.filter(rescored__rescoring=rescoring)
    changed = list(new.filter(is_current=False).values_list("pk", "submission"))
    Evaluation.objects.filter(submission__phase=phase, is_current=True).exclude(
        pk__in=new.filter(is_current=True).values("pk")
    ).update(is_current=False)
    Evaluation.objects.filter(pk__in=[pk for pk, _ in changed]).update(is_current=True, published_at=now)
    put_in_force(rescoring.answer_key, actor)
    Phase.objects.filter(pk=phase.pk).update(formula=rescoring.formula, board_version=F("board_version") + 1)
    Rescoring.objects.filter(pk=rescoring.pk).update(
        decision=PUBLISHED, decided_by=actor, decided_at=now, report=report
    )
    _record(rescoring, Act.RESCORING_PUBLISHED, actor)
    reason = f"scored again with key {rescoring.answer_key.version}, scorer {rescoring.scorer_version}"
    failures = rescoring.rescored.exclude(failure="").values_list("submission", "failure")
    events = [(pk, reason) for _, pk in changed] + [(pk, f"no score any more: {text}") for pk, text in failures]
    SubmissionEvent.objects.bulk_create(
        SubmissionEvent(
            submission_id=pk, from_status=Status.SCORED, to_status=Status.SCORED, actor=actor, at=now, reason=text[:300]
        )
        for pk, text in events
    )
    analyse_published(new)


def _locked(rescoring: Rescoring) -> Rescoring:
    Phase.objects.select_for_update(no_key=True).get(pk=rescoring.phase_id)
    rows = Rescoring.objects.select_for_update(of=("self",), no_key=True).select_related("phase", "answer_key")
    return rows.get(pk=rescoring.pk)


def catch_up(rows: QuerySet[Rescoring]) -> None:
    """Have the open ones among `rows` that were done go on with what was scored since."""
    for rescoring in rows.filter(state=State.DONE, decision=OPEN):
        work.reset(Rescoring.objects.filter(pk=rescoring.pk, state=State.DONE, decision=OPEN))
        _ring_after_commit(rescoring)


def _ring_after_commit(rescoring: Rescoring) -> None:
    transaction.on_commit(lambda: work.ring(Rescoring, tasks.rescore, rescoring.pk))


@receiver(evaluation_stored)
def follow(*, evaluation: Evaluation, **_kwargs: Any) -> None:
    """A file that is scored while a rescoring of its phase is open joins it."""
    catch_up(Rescoring.objects.filter(phase=evaluation.submission.phase_id))


def reconcile() -> int:
    """Call a worker for what waits, was lost, or has become incomplete; how many calls."""
    for rescoring in Rescoring.objects.filter(state=State.DONE, decision=OPEN).select_related("phase"):
        if missing(rescoring).exists():
            catch_up(Rescoring.objects.filter(pk=rescoring.pk))
    return work.reconcile(Rescoring, tasks.rescore)
