"""The life of a job: one table of allowed changes, one function that makes them (invariant 3).

    waiting -> running -> done | failed      paused from waiting or running, and back to waiting
    cancelling -> cancelled from everything that is not over; failed -> waiting when somebody has it go on

Done and cancelled are final: nothing leads out of them. `cancelling` lasts as long as a worker has a batch in hand.
"""

from typing import TYPE_CHECKING, Any

from django.db import models, transaction

if TYPE_CHECKING:
    from challenge.accounts.models import User
    from challenge.jobs.models import Job


class JobState(models.TextChoices):
    """States, with the words that people read."""

    WAITING = "waiting", "Waiting for a worker"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    CANCELLING = "cancelling", "Being cancelled"
    CANCELLED = "cancelled", "Cancelled"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


_S = JobState
TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    _S.WAITING: frozenset({_S.RUNNING, _S.PAUSED, _S.CANCELLING}),
    _S.RUNNING: frozenset({_S.PAUSED, _S.CANCELLING, _S.DONE, _S.FAILED}),
    _S.PAUSED: frozenset({_S.WAITING, _S.CANCELLING}),
    _S.CANCELLING: frozenset({_S.CANCELLED}),
    _S.FAILED: frozenset({_S.WAITING, _S.CANCELLING}),
    _S.CANCELLED: frozenset(),
    _S.DONE: frozenset(),
}
FINAL = frozenset(state for state, targets in TRANSITIONS.items() if not targets)
ACTIVE = frozenset({_S.WAITING, _S.RUNNING, _S.CANCELLING})  # a worker has, or will soon have, something to do


def transition(
    rows: "models.QuerySet[Job]", *, to: JobState, reason: str, actor: "User | None" = None, **changes: Any
) -> bool:
    """Move the one job in `rows` to the state `to`, by conditional UPDATE, and write its event.

    `rows` selects at most one job and may carry further conditions; `changes` are fields set in the same UPDATE. What
    a person asked for (`actor`) is in the audit log too. Returns False, and changes nothing, when no row matches in a
    state that leads to `to`: somebody else was first, or the table does not allow it. Runs in one transaction, joined
    to the caller's if there is one.
    """
    from challenge.audit.models import Act
    from challenge.audit.services import record
    from challenge.jobs.models import Job, JobEvent

    with transaction.atomic():
        # Locked: jobs also go back, so a state that was passed over a moment ago may be the one by now.
        found = rows.select_for_update().values_list("pk", "state").first()
        if found is None or to not in TRANSITIONS[JobState(found[1])]:
            return False
        pk, source = found
        if not rows.filter(pk=pk, state=source).update(state=to, **changes):
            return False
        JobEvent.objects.create(job_id=pk, from_state=source, to_state=to, actor=actor, text=reason[:1000])
        if actor is not None:
            job = Job.objects.get(pk=pk)
            record(actor, Act.JOB, job, reason=reason, before={"state": source}, after={"state": to})
    return True
