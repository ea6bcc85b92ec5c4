"""The drain report of a phase: was every accepted file scored, and if not, which one is not, and why.

A file is *accepted* once a participant has got a receipt for it. Withdrawn files are the team's own decision and are
counted by themselves. A failed file that was accepted again counts by its successor (`intake.accept_again`).
"""

import dataclasses
import datetime

from django.db.models import Exists, OuterRef
from django.utils import timezone

from challenge.contests.models import Phase
from challenge.submissions.intake import again_key
from challenge.submissions.models import Evaluation, Submission
from challenge.submissions.states import FINAL, Status


@dataclasses.dataclass(frozen=True)
class Open:
    """A file that is not scored, and why."""

    submission: Submission
    reason: str


@dataclasses.dataclass(frozen=True)
class Drain:
    """The report. `accepted` = `scored` + `withdrawn` + `replaced` + len(`unscored`), always."""

    phase: Phase
    accepted: int
    scored: int
    withdrawn: int
    replaced: int
    unscored: tuple[Open, ...]
    takes_files: bool

    @property
    def is_drained(self) -> bool:
        """Whether nothing can come any more and everything that came is scored."""
        return not self.takes_files and not self.unscored

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        count = len(self.unscored)
        files = "1 accepted file is" if count == 1 else f"{count:,} accepted files are"
        if self.phase.state == "upcoming":
            return "The phase has not opened yet."
        if count:
            return f"{files} not scored."
        if not self.accepted:
            return "No file was sent."
        end = " so far" if self.takes_files else ""
        return f"Every accepted file is scored{end}."


def drain_report(phase: Phase) -> Drain:
    """What became of every file that teams have sent in `phase`."""
    in_force = Evaluation.objects.filter(submission=OuterRef("pk"), is_current=True)
    files = Submission.objects.filter(phase=phase, kind=Submission.Kind.PARTICIPANT)
    rows = files.select_related("team", "phase__challenge").annotate(has_score=Exists(in_force)).order_by("received_at")
    again = set(files.filter(idempotency_key__startswith=again_key("")).values_list("idempotency_key", flat=True))
    scored = withdrawn = replaced = 0
    unscored = []
    for row in rows.defer("description", "warnings"):
        if row.status == Status.SCORED and row.has_score:
            scored += 1
        elif row.status == Status.WITHDRAWN:
            withdrawn += 1
        elif row.status == Status.FAILED and again_key(row.pk) in again:
            replaced += 1
        else:
            unscored.append(Open(row, _why(row)))
    takes_files = phase.state in ("upcoming", "open", "late")
    accepted = scored + withdrawn + replaced + len(unscored)
    return Drain(phase, accepted, scored, withdrawn, replaced, tuple(unscored), takes_files)


def _why(row: Submission) -> str:
    if row.status == Status.FAILED:
        return row.failure
    if row.status in FINAL:
        return "It was scored, but has no score in force since the last rescoring. See the page «Rescoring»."
    now: datetime.datetime = timezone.now()
    if row.status == Status.SCORING and row.lease_expires_at and row.lease_expires_at < now:
        return "Its worker was lost; another one is called within a minute."
    if row.status == Status.SCORING:
        return "It is being scored."
    return "It waits for a worker."
