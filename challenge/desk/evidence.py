"""Evidence of collusion in a phase: asking for a run, and its result in words that people can check."""

import dataclasses
import datetime
from collections.abc import Iterator
from typing import Any

from django.db import transaction

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.contests.models import Phase, Registration
from challenge.core import work
from challenge.core.work import State
from challenge.desk import tasks
from challenge.desk.models import EvidenceRun
from challenge.submissions.models import Submission

AROUND_DEADLINE = datetime.timedelta(days=2)
UNFINISHED = (State.WAITING, State.RUNNING)


def ask(phase: Phase, *, actor: User) -> EvidenceRun:
    """Have a worker look at the files of `phase` as they are when it begins; the run that is unfinished, if one is."""
    with transaction.atomic():
        Phase.objects.select_for_update(no_key=True).get(pk=phase.pk)
        if unfinished := phase.evidence_runs.filter(state__in=UNFINISHED).first():
            return unfinished
        run = EvidenceRun.objects.create(phase=phase, asked_by=actor)
        record(actor, Act.EVIDENCE, phase, challenge=phase.challenge)
        transaction.on_commit(lambda: work.ring(EvidenceRun, tasks.look_for_evidence, run.pk))
    return run


def reconcile() -> int:
    """Call a worker for runs that wait; how many calls."""
    return work.reconcile(EvidenceRun, tasks.look_for_evidence)


@dataclasses.dataclass(frozen=True)
class Item:
    """One piece of evidence: its kind, the submissions it is about in the order they came, its figures in words."""

    kind: str
    submissions: tuple[Submission, ...]
    figures: str


def items_of(run: EvidenceRun) -> list[Item]:
    """The evidence of a finished run. Submissions that were deleted since are left out, and what was only theirs."""
    found = run.result or {}
    rows = Submission.objects.filter(phase=run.phase_id).select_related("team", "phase__challenge")
    by_id = {str(row.pk): row for row in rows.defer("description", "warnings")}

    def these(*names: str) -> tuple[Submission, ...]:
        return tuple(sorted((by_id[name] for name in names if name in by_id), key=lambda row: row.received_at))

    items = [Item("Same values", these(*one["entries"]), _shared(one)) for one in found.get("shared", ())]
    items += [Item("Close pair", these(one["first"], one["second"]), _pair(one)) for one in found.get("pairs", ())]
    items += [
        Item("Linear blend", these(one["target"], *one["sources"]), _blend(one, by_id))
        for one in found.get("blends", ())
    ]
    return [item for item in items if len(item.submissions) > 1]


def _shared(one: dict[str, Any]) -> str:
    return f"equal to six digits, hash {one['digest'][:12]}"


def _pair(one: dict[str, Any]) -> str:
    return (
        f"SRoCC {one['srocc']:.5f}, where their skill explains {one['expected']:.3f}; "
        f"{100 * one['distance']:.1f} % of the distance of independent files"
    )


def _blend(one: dict[str, Any], by_id: dict[str, Submission]) -> str:
    def label(name: str) -> str:
        return by_id[name].label if name in by_id else "a deleted file"

    parts = zip(one["weights"], one["sources"], strict=True)
    terms = " + ".join(f"{weight:.2f} × {label(source)}" for weight, source in parts)
    return f"{label(one['target'])} = {terms}, but for {100 * one['unexplained']:.3g} % of its variance"


def new_accounts(phase: Phase) -> Iterator[Registration]:
    """Who takes part with an account that was made within two days of the deadline, before or after it: a fact."""
    near = (phase.closes_at - AROUND_DEADLINE, phase.closes_at + AROUND_DEADLINE)
    rows = phase.challenge.registrations.filter(user__date_joined__range=near, team__isnull=False)
    yield from rows.select_related("user", "team").order_by("user__date_joined")
