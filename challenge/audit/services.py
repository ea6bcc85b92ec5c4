"""Writing the audit log. `record` is called by the service that does the act, in the transaction that does it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import connection, models

from challenge.audit.models import Act, AuditEntry

if TYPE_CHECKING:
    from challenge.accounts.models import User
    from challenge.contests.models import Challenge

NOTHING: Mapping[str, Any] = {}


def record(
    actor: "User | None",
    act: Act,
    subject: models.Model,
    *,
    challenge: "Challenge | None" = None,
    name: str = "",
    person: "User | None" = None,
    reason: str = "",
    before: Mapping[str, Any] = NOTHING,
    after: Mapping[str, Any] = NOTHING,
) -> AuditEntry:
    """Write down that `actor` (None: the server) did `act` to `subject`, a row of `challenge` if of any.

    `name` is what the row is called, `str(subject)` if nothing is given; where that would name a person, give another
    and name them by `person`. `before` and `after` are settings as JSON values (times and ids are converted): never
    hidden values, never personal data. Raises RuntimeError outside a transaction: the act and its row are one.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("The audit log is written in the transaction of the act.")
    return AuditEntry.objects.create(
        actor=actor,
        act=act,
        challenge=challenge,
        kind=str(subject._meta.verbose_name),
        object_id=str(subject.pk),
        name=(name or str(subject))[:200],
        person=person,
        reason=reason.strip()[:500],
        before=dict(before),
        after=dict(after),
    )


def forget(person: "User") -> None:
    """Take out of the log what was written about `person` in free text; the acts stay, under the erased name."""
    models.QuerySet(AuditEntry).filter(person=person).update(reason="")
