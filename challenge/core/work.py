"""Rows that stand for work: the row is the truth, a task is the doorbell (design section 3, invariants 1, 2 and 9).

A worker claims a row by compare-and-swap and gets a lease with a fencing token; a heartbeat renews the lease while it
computes, outside any transaction; what it writes at the end it writes under the token, so a worker that lost its claim
writes nothing. A reconciler calls again for rows that wait or whose lease ran out, and gives up what was tried too
often.

`Lease` and `Rung` are the columns, `Leased` is both, `Work` is a row with the four states of background work, and the
functions here are the only ones that change them. Submissions have their own states (`submissions.states`) and share
`Leased` and the heartbeat; of a job (`jobs.models`) the bell is rung for the job and leases are held on its items.
"""

import contextlib
import dataclasses
import datetime
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import structlog
from celery import Task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import DatabaseError, Error, connection, models, transaction
from django.db.models import F, Q
from django.utils import timezone

from challenge.core.tasks import ring_bell

log = structlog.get_logger(__name__)

RING_AGAIN_SECONDS = 15
LONGEST_RING_AGAIN_SECONDS = 60
BATCH = 500


class Lease(models.Model):
    """What a worker holds: nobody else does its work before `lease_expires_at`."""

    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class Rung(models.Model):
    """What workers are called for."""

    rings = models.PositiveIntegerField(default=0, help_text="How often a worker was called.")
    next_ring_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True


class Leased(Lease, Rung):
    """A row that one worker is called for and holds at a time."""

    class Meta:
        abstract = True


class Work(Leased):
    """A piece of background work. `failure` is for people."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting for a worker"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    failure = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="running", lease_token__isnull=False, lease_expires_at__isnull=False)
                | (Q(state__in=("waiting", "done", "failed")) & Q(lease_token=None, lease_expires_at=None)),
                name="%(class)s_lease_while_running",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_ring_at"], condition=Q(state__in=("waiting", "running")), name="%(class)s_unfinished"
            ),
        ]


State = Work.State
FREED: dict[str, Any] = {"lease_token": None, "lease_expires_at": None}


@dataclasses.dataclass(frozen=True)
class Held:
    """The right to do one piece of work, as long as its lease is renewed."""

    model: type[Work]
    pk: Any
    token: uuid.UUID
    attempt: int

    @property
    def rows(self) -> models.QuerySet[Any]:
        """The claimed row, if this claim still holds."""
        return self.model._default_manager.filter(pk=self.pk, state=State.RUNNING, lease_token=self.token)


def claim(model: type[Work], pk: Any) -> Held | None:
    """Claim a row that waits, or one whose worker has not renewed its lease; None when there is nothing to do."""
    now, token = timezone.now(), uuid.uuid4()
    rows = model._default_manager.filter(
        Q(state=State.WAITING) | Q(state=State.RUNNING, lease_expires_at__lt=now),
        pk=pk,
        attempts__lt=settings.SCORING_MAX_ATTEMPTS,
    )
    # Most second deliveries end here, before they take the one writer's lock of SQLite.
    if not rows.exists():
        return None
    lease: dict[str, Any] = {"lease_token": token, "lease_expires_at": lease_end(now), "attempts": F("attempts") + 1}
    if not rows.update(state=State.RUNNING, **lease):
        return None
    attempt = model._default_manager.values_list("attempts", flat=True).get(pk=pk)
    return Held(model, pk, token, attempt)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What finished work leaves: columns of its row, and what else belongs into the same transaction."""

    columns: dict[str, Any]
    then: Callable[[], object] = lambda: None


def run(model: type[Work], pk: Any, compute: Callable[[], Outcome]) -> None:
    """Claim the row and do its work; every way this can end leaves it finished or waiting, never stuck.

    `compute` does the work outside any transaction. Its outcome is written, and followed, only under the token.
    """
    held = claim(model, pk)
    if held is None:
        log.info("nothing to do: claimed elsewhere or finished")
        return
    try:
        with heartbeat(held.rows):
            outcome = compute()
            with transaction.atomic():
                if finish(held, State.DONE, **outcome.columns):
                    outcome.then()
    except Unfinished:
        # What was done is stored: the next one starts afresh, and others get their turn in between.
        held.rows.update(state=State.WAITING, attempts=0, rings=0, next_ring_at=timezone.now(), **FREED)
    except WorkFailed as error:
        finish(held, State.FAILED, failure=str(error))
    except SoftTimeLimitExceeded:
        finish(held, State.FAILED, failure="It took too long.")
    except MemoryError:
        # Must not leave the task: Celery would take the whole worker down and deliver it again for ever.
        finish(held, State.FAILED, failure="It needed more memory than a worker has.")
    except Error:
        raise  # nothing can be written now; the lease expires and the reconciler calls again
    except Exception:
        log.exception("work failed", attempt=held.attempt)
        if held.attempt >= settings.SCORING_MAX_ATTEMPTS:
            finish(held, State.FAILED, failure="Something went wrong on our side.")
        else:
            held.rows.update(state=State.WAITING, **FREED)


class Unfinished(Exception):
    """A slice of long work is done and stored; the row waits for a worker to go on. The caller rings."""


class WorkFailed(Exception):
    """The work cannot succeed, however often it is tried; the text says why, for people."""


def finish(held: Held, state: Work.State, **changes: Any) -> bool:
    """Mark the row done or failed under its token; False, and nothing written, when the claim was lost meanwhile."""
    done = held.rows.update(state=state, finished_at=timezone.now(), **FREED, **changes)
    if not done:
        log.warning("claim lost; result thrown away")
    return bool(done)


def reset(rows: models.QuerySet[Any]) -> int:
    """Have finished work done once more; how many rows will be."""
    now = timezone.now()
    return rows.filter(state__in=(State.DONE, State.FAILED)).update(
        state=State.WAITING, attempts=0, rings=0, next_ring_at=now, finished_at=None, failure="", **FREED
    )


def ring(model: type[Rung], task: Task, pk: Any, rings: int = 0) -> bool:
    """Call a worker for a row and note when to call again, later each time, should none come.

    The note is written first: a worker that is faster than this process must not meet a row that is about to change.
    """
    wait = min(RING_AGAIN_SECONDS * 2**rings, LONGEST_RING_AGAIN_SECONDS)
    model._default_manager.filter(pk=pk).update(
        rings=F("rings") + 1, next_ring_at=timezone.now() + datetime.timedelta(seconds=wait)
    )
    return ring_bell(task, pk)


def reconcile(model: type[Work], task: Task) -> int:
    """Give up what was tried too often; call a worker for what waits or whose worker was lost. How many were called.

    Stops at the first call that the broker does not take: the next round will find the rest.
    """
    now = timezone.now()
    rows = model._default_manager.filter(
        Q(state=State.WAITING) | Q(state=State.RUNNING, lease_expires_at__lt=now), next_ring_at__lte=now
    )
    rows.filter(attempts__gte=settings.SCORING_MAX_ATTEMPTS).update(
        state=State.FAILED, failure="Something went wrong on our side.", finished_at=now, **FREED
    )
    rung = 0
    for pk, rings in rows.order_by("next_ring_at").values_list("pk", "rings")[:BATCH]:
        try:
            if not ring(model, task, pk, rings):
                break
        except DatabaseError:  # one row that cannot be written must not keep the others waiting
            log.exception("could not ring", row=str(pk))
            continue
        rung += 1
    return rung


def lease_end(now: datetime.datetime) -> datetime.datetime:
    """When a lease that is taken or renewed now runs out."""
    return now + datetime.timedelta(seconds=settings.SCORING_LEASE_SECONDS)


@contextlib.contextmanager
def heartbeat(rows: models.QuerySet[Any], *, longest: float = float("inf")) -> Iterator[None]:
    """Renew the lease of the rows that `rows` selects by its token, from a thread, until the block ends.

    A failed renewal only shortens what is left of the lease. The block includes writing the result: on SQLite it may
    wait for the writer's lock longer than a lease lasts. After `longest` seconds nothing is renewed any more: work that
    hangs where no time limit reaches it is then done by somebody else.
    """
    stop = threading.Event()
    until = time.monotonic() + longest

    def beat() -> None:
        try:
            while not stop.wait(settings.SCORING_HEARTBEAT_SECONDS) and time.monotonic() < until:
                try:
                    if not rows.update(lease_expires_at=lease_end(timezone.now())):
                        return
                except Error:
                    connection.close()  # the next beat opens a new one
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name="lease-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
