"""The life of a submission: one table of allowed changes, one function that makes them (invariant 3).

    received -> queued -> scoring -> scored | failed        withdrawn from any state that is not final

`scoring -> queued` happens when a worker gives its claim back, because it hit an error that another attempt may not.
Scored, failed and withdrawn are final: nothing leads out of them.
"""

from typing import TYPE_CHECKING, Any

from django.db import models, transaction

if TYPE_CHECKING:
    from challenge.accounts.models import User
    from challenge.submissions.models import Submission


class Status(models.TextChoices):
    """States, with the words that people read."""

    RECEIVED = "received", "Received"
    QUEUED = "queued", "Waiting for a worker"
    SCORING = "scoring", "Being scored"
    SCORED = "scored", "Scored"
    FAILED = "failed", "Failed"
    WITHDRAWN = "withdrawn", "Withdrawn"


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.RECEIVED: frozenset({Status.QUEUED, Status.WITHDRAWN}),
    Status.QUEUED: frozenset({Status.SCORING, Status.FAILED, Status.WITHDRAWN}),
    Status.SCORING: frozenset({Status.SCORED, Status.FAILED, Status.QUEUED, Status.WITHDRAWN}),
    Status.SCORED: frozenset(),
    Status.FAILED: frozenset(),
    Status.WITHDRAWN: frozenset(),
}
FINAL = frozenset(status for status, targets in TRANSITIONS.items() if not targets)


def transition(
    rows: "models.QuerySet[Submission]", *, to: Status, reason: str, actor: "User | None" = None, **changes: Any
) -> bool:
    """Move the one submission in `rows` to the state `to`, by conditional UPDATE, and write its event.

    `rows` selects at most one submission and may carry further conditions (a fencing token); `changes` are fields set
    in the same UPDATE. Returns False, and changes nothing, when no row matches in a state that leads to `to`: somebody
    else was first, or the state is final. Runs in one transaction, joined to the caller's if there is one.
    """
    from challenge.submissions.models import SubmissionEvent

    with transaction.atomic():
        for source in (status for status, targets in TRANSITIONS.items() if to in targets):
            pk = rows.filter(status=source).values_list("pk", flat=True).first()
            if pk is not None and rows.filter(pk=pk, status=source).update(status=to, **changes):
                SubmissionEvent.objects.create(
                    submission_id=pk, from_status=source, to_status=to, actor=actor, reason=reason
                )
                return True
    return False
