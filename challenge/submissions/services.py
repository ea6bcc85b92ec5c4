"""Writes to submissions that people or the reconciler ask for (intake and scoring have their own modules)."""

import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.contests.access import is_organiser, registration_of
from challenge.contests.models import Phase
from challenge.submissions.models import Submission, SubmissionEvent
from challenge.submissions.signals import submission_failed
from challenge.submissions.states import FINAL, Status, transition

FREED = {"day_slot": None, "phase_slot": None, "lease_token": None, "lease_expires_at": None}


def fail(rows: Any, message: str, actor: User | None = None) -> bool:
    """End the one submission in `rows` as failed, with a text for the participant, and give its quota back."""
    with transaction.atomic():
        submission = rows.select_related("phase__challenge", "team").first()
        done = transition(
            rows,
            to=Status.FAILED,
            reason=message[:300],
            actor=actor,
            failure=message,
            refund_reason="failed",
            finished_at=timezone.now(),
            **FREED,
        )
        if done:
            submission_failed.send(Submission, submission=submission)
    return done


def withdraw(submission: Submission, actor: User, *, reason: str = "") -> bool:
    """Take a submission back before it is scored; its quota is given back. False when it is final already."""
    with transaction.atomic():
        done = transition(
            Submission.objects.filter(pk=submission.pk),
            to=Status.WITHDRAWN,
            reason=f"withdrawn: {reason}"[:300] if reason else "withdrawn",
            actor=actor,
            refund_reason="withdrawn before it was scored",
            finished_at=timezone.now(),
            **FREED,
        )
        if done:
            _record_of_others(actor, Act.SUBMISSION_WITHDRAWN, submission, reason)
    return done


def _record_of_others(actor: User, act: Act, submission: Submission, reason: str = "") -> None:
    """What organisers do to a file of others is in the audit log; what a team does with its own is not."""
    challenge = submission.phase.challenge
    mine = registration_of(actor, challenge)
    if mine is None or mine.team_id != submission.team_id:
        record(actor, act, submission, challenge=challenge, reason=reason)


def files_before(submission: Submission) -> int | None:
    """How many files of all challenges came before this one and are not final; None once it does not wait any more."""
    if submission.status not in (Status.RECEIVED, Status.QUEUED):
        return None
    unfinished = Submission.objects.exclude(status__in=FINAL)
    return unfinished.filter(created_at__lt=submission.created_at).count()


def refusal_to_choose(submission: Submission, user: User, at: datetime.datetime) -> str:
    """Why `user`, who may see the submission, may not make it the one that counts at the moment `at`; empty: may."""
    phase = submission.phase
    if phase.board_rule != Phase.BoardRule.CHOSEN:
        return "This phase has no choice: its board follows another rule."
    if not phase.may_choose_at(at) and not is_organiser(user, phase.challenge):
        return f"Choices were possible until {phase.choice_ends_at:%Y-%m-%d %H:%M} UTC, once the phase is open."
    return ""


def choose(submission: Submission, actor: User) -> bool:
    """Make this scored submission the one that counts for its team; False if it is not scored, or came too late.

    Choosing another one later is possible until the choice ends; the caller asks `refusal_to_choose` before.
    """
    with transaction.atomic():
        Phase.objects.select_for_update().get(pk=submission.phase_id)
        scored = Submission.objects.filter(status=Status.SCORED, kind=Submission.Kind.PARTICIPANT, is_late=False)
        row = scored.filter(pk=submission.pk)
        if not row.exists():
            return False
        mine = Submission.objects.filter(
            team__in=row.values("team"), phase=submission.phase_id
        )  # the team as it is now
        mine.filter(is_chosen=True).update(is_chosen=False)
        row.update(is_chosen=True)
        SubmissionEvent.objects.create(
            submission=submission,
            from_status=Status.SCORED,
            to_status=Status.SCORED,
            actor=actor,
            reason="chosen to count for the team",
        )
        _record_of_others(actor, Act.SUBMISSION_CHOSEN, submission)
        Phase.objects.filter(pk=submission.phase_id).update(board_version=F("board_version") + 1)
    return True
