"""Moving the deadline of a phase, and freezing its board: what organisers do while a phase runs, and its record.

Every change leaves a PhaseEvent. A deadline never moves into the past, so that an upload which began before the old
deadline, and before the change, is in time under either.
"""

import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.contests.models import Phase, PhaseEvent
from challenge.contests.phase_rules import same_second
from challenge.contests.signals import deadline_changed

# Further is a slip of the hand, and moving other moments by as much could lead out of the calendar.
FURTHEST = datetime.timedelta(days=20 * 365)


class ChangeRefused(Exception):
    """The phase stays as it is; `str(error)` says why and what to do, `field` names the form field it belongs to."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


def deadline_changes(phase: Phase) -> list[PhaseEvent]:
    """The changes of the deadline, oldest first. No query where `events` were prefetched."""
    return [event for event in phase.events.all() if event.kind == PhaseEvent.Kind.DEADLINE]


@transaction.atomic
def change_deadline(
    *, phase: Phase, closes_at: datetime.datetime, reason: str, actor: User | None, confirms_shortening: bool = False
) -> PhaseEvent:
    """Let `phase` close at `closes_at`, tell the participants why, and return the record.

    `late_until` and `choice_until`, where set, move by as much. Late files that are in time under the new deadline
    count. Raises ChangeRefused without a reason, for a moment in the past or before the opening, for no change, and
    for an earlier deadline of a phase that has opened unless `confirms_shortening`.
    """
    # Late rows, then the phase: the order of a worker that stores a score. The phase's lock is against an upload that
    # is just being found late.
    list(phase.submissions.filter(is_late=True).select_for_update().values_list("pk"))
    row = Phase.objects.select_for_update().get(pk=phase.pk)
    before, now = row.closes_at, timezone.now()
    if not reason.strip():
        raise ChangeRefused("Give a reason: participants read it.", "reason")
    if closes_at > now + FURTHEST:
        raise ChangeRefused("A deadline lies in the next twenty years.", "closes_at")
    if same_second(closes_at, before):
        raise ChangeRefused("The phase closes at this moment already.", "closes_at")
    if closes_at < now or closes_at <= row.opens_at:
        raise ChangeRefused("A deadline lies in the future and after the opening.", "closes_at")
    if closes_at < before and row.opens_at <= now and not confirms_shortening:
        raise ChangeRefused(
            "This takes time away from participants. Confirm it, or choose a later moment.", "confirms_shortening"
        )
    moved = closes_at - before
    Phase.objects.filter(pk=row.pk).update(
        closes_at=closes_at,
        late_until=row.late_until and row.late_until + moved,
        choice_until=row.choice_until and max(row.choice_until + moved, row.opens_at + datetime.timedelta(seconds=1)),
        board_version=F("board_version") + 1,
    )
    row.submissions.filter(is_late=True, received_at__lt=closes_at).update(is_late=False)
    event = PhaseEvent.objects.create(
        phase=row,
        kind=PhaseEvent.Kind.DEADLINE,
        actor=actor,
        before=before,
        after=closes_at,
        reason=reason.strip()[:300],
    )
    record(
        actor,
        Act.DEADLINE,
        row,
        challenge=row.challenge,
        reason=event.reason,
        before={"closes_at": before},
        after={"closes_at": closes_at},
    )
    deadline_changed.send(PhaseEvent, event=event)
    phase.refresh_from_db()
    return event


@transaction.atomic
def freeze_board(
    *, phase: Phase, frozen_at: datetime.datetime | None, actor: User | None, reason: str = ""
) -> PhaseEvent:
    """From `frozen_at` on the public board stands still; None opens it again. Returns the record.

    Raises ChangeRefused for no change, and for a moment before the opening.
    """
    row = Phase.objects.select_for_update().get(pk=phase.pk)
    if same_second(frozen_at, row.board_frozen_at):
        raise ChangeRefused("That is how the board is already.", "frozen_at")
    if frozen_at and frozen_at <= row.opens_at:
        raise ChangeRefused("The board is frozen after the phase has opened: choose a later moment.", "frozen_at")
    Phase.objects.filter(pk=row.pk).update(board_frozen_at=frozen_at, board_version=F("board_version") + 1)
    event = PhaseEvent.objects.create(
        phase=row,
        kind=PhaseEvent.Kind.FREEZE,
        actor=actor,
        before=row.board_frozen_at,
        after=frozen_at,
        reason=reason.strip()[:300] or ("frozen" if frozen_at else "opened again"),
    )
    record(
        actor,
        Act.FREEZE,
        row,
        challenge=row.challenge,
        reason=event.reason,
        before={"board_frozen_at": row.board_frozen_at},
        after={"board_frozen_at": frozen_at},
    )
    phase.refresh_from_db()
    return event
