"""Writes of the desk: notes on teams, and what organisers do to many submissions at once."""

import dataclasses
from collections.abc import Iterable

from django.db import transaction

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.contests.models import Team
from challenge.desk.models import TeamNote
from challenge.submissions.intake import SubmissionRefused, accept_again
from challenge.submissions.models import Submission
from challenge.submissions.services import withdraw


@transaction.atomic
def add_note(team: Team, text: str, *, actor: User) -> TeamNote:
    """Keep `text` about `team`. The audit log says that, not what."""
    note = TeamNote.objects.create(team=team, author=actor, text=text.strip()[:2000])
    record(actor, Act.TEAM_NOTE, team, challenge=team.challenge, after={"notes": team.notes.count()})
    return note


@transaction.atomic
def remove_note(team: Team, note_id: int, *, actor: User) -> bool:
    """Delete a note of `team`; False when there is none any more."""
    removed, _ = TeamNote.objects.filter(team=team, pk=note_id).delete()
    if removed:
        record(actor, Act.TEAM_NOTE, team, challenge=team.challenge, after={"notes": team.notes.count()})
    return bool(removed)


@dataclasses.dataclass(frozen=True)
class Done:
    """How many submissions were changed; of each other one its name and the reason."""

    changed: int
    refused: tuple[tuple[str, str], ...]


def again(submissions: Iterable[Submission], *, actor: User, reason: str) -> Done:
    """Accept each that failed once more (`intake.accept_again`): one transaction each, in the order they came."""
    changed, refused = 0, []
    for submission in submissions:
        try:
            accept_again(submission, actor=actor, reason=reason)
        except SubmissionRefused as error:
            refused.append((str(submission), str(error)))
        else:
            changed += 1
    return Done(changed, tuple(refused))


def withdraw_many(submissions: Iterable[Submission], *, actor: User, reason: str) -> Done:
    """Withdraw each that is not final yet; its quota is given back."""
    changed, refused = 0, []
    for submission in submissions:
        if withdraw(submission, actor, reason=reason):
            changed += 1
        else:
            refused.append((str(submission), "It is final already."))
    return Done(changed, tuple(refused))
