"""Writes to submissions that people or the reconciler ask for (intake and scoring have their own modules)."""

import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from challenge.accounts.models import User
from challenge.contests.access import is_organiser
from challenge.contests.models import Phase
from challenge.submissions.models import Submission, SubmissionEvent
from challenge.submissions.states import Status, transition

FREED = {"day_slot": None, "phase_slot": None, "lease_token": None, "lease_expires_at": None}


def fail(rows: Any, message: str, actor: User | None = None) -> bool:
    """End the one submission in `rows` as failed, with a text for the participant, and give its quota back."""
    return transition(
        rows,
        to=Status.FAILED,
        reason=message[:300],
        actor=actor,
        failure=message,
        refund_reason="failed",
        finished_at=timezone.now(),
        **FREED,
    )


def withdraw(submission: Submission, actor: User) -> bool:
    """Take a submission back before it is scored; its quota is given back. False when it is final already."""
    return transition(
        Submission.objects.filter(pk=submission.pk),
        to=Status.WITHDRAWN,
        reason="withdrawn",
        actor=actor,
        refund_reason="withdrawn before it was scored",
        finished_at=timezone.now(),
        **FREED,
    )


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
        Phase.objects.filter(pk=submission.phase_id).update(board_version=F("board_version") + 1)
    return True
