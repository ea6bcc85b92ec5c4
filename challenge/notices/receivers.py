"""What other apps do, as notices: each in the transaction of what happened."""

from typing import Any

from django.dispatch import receiver
from django.urls import reverse
from django.utils import timezone

from challenge.contests.models import PhaseEvent
from challenge.contests.signals import deadline_changed
from challenge.notices.kinds import Kind
from challenge.notices.services import tell
from challenge.submissions.models import Evaluation, Submission
from challenge.submissions.signals import evaluation_stored, submission_failed


@receiver(deadline_changed)
def tell_moved_deadline(*, event: PhaseEvent, **_kwargs: Any) -> None:
    """Every moved deadline is told to the participants, with its reason."""
    phase = event.phase
    tell(
        Kind.DEADLINE_MOVED,
        str(event.pk),
        challenge=phase.challenge,
        title=f"Deadline {'extended' if event.is_extension else 'moved'}: {phase.title}",
        text=f"from {event.before:%Y-%m-%d %H:%M} UTC\nto   {event.after:%Y-%m-%d %H:%M} UTC\n\nReason: {event.reason}",
        path=reverse("challenge", args=[phase.challenge.slug]),
    )


@receiver(evaluation_stored)
def tell_scored(*, evaluation: Evaluation, **_kwargs: Any) -> None:
    """A scored file is told to its team, in the same words whatever the score and whatever the phase shows."""
    submission = evaluation.submission
    if submission.team is None:
        return
    tell(
        Kind.SCORED,
        submission.pk,
        challenge=submission.phase.challenge,
        team=submission.team,
        title=f"Scored in «{submission.phase.title}»: {_name(submission)}",
        path=submission.get_absolute_url(),
    )


@receiver(submission_failed)
def tell_failed(*, submission: Submission, **_kwargs: Any) -> None:
    """A file that could not be scored is told to its team; to the organisers, once an hour for each phase."""
    phase = submission.phase
    if submission.team is not None:
        tell(
            Kind.FAILED,
            submission.pk,
            challenge=phase.challenge,
            team=submission.team,
            title=f"Not scored in «{phase.title}»: {_name(submission)}",
            text="Your quota was given back. The page of the file says why.",
            path=submission.get_absolute_url(),
        )
    tell(
        Kind.FAULT,
        f"{phase.pk} {timezone.now():%Y-%m-%dT%H}",
        challenge=phase.challenge,
        title=f"A file could not be scored in «{phase.title}»",
        text="The desk lists it, with any others, and says why. This is told once an hour at most.",
        path=reverse("desk-submissions", args=[phase.challenge.slug]) + "?state=failed",
    )


def _name(submission: Submission) -> str:
    return submission.method_name or submission.file_name
