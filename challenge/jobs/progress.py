"""How far a job is, for its pages: stages, bars per group, items per second, the time left, the latest pictures."""

from __future__ import annotations

import dataclasses
import datetime
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.utils import timezone

from challenge.jobs.kinds import JobKind, kind_of, stage_of
from challenge.jobs.models import Job, JobItem
from challenge.jobs.states import JobState

WINDOW = datetime.timedelta(minutes=10)
PICTURES = 12
FAILURES = 50
DONE = JobItem.State.DONE


@dataclasses.dataclass
class Bar:
    """How many items there are, are done, failed and are left out; `label` is a stage or a group."""

    label: str
    total: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    is_now: bool = False

    @property
    def over(self) -> int:
        """Items that nothing more is done for."""
        return self.done + self.failed + self.skipped

    def add(self, state: str, number: int) -> None:
        """Count `number` items in that state."""
        self.total += number
        if state in ("done", "failed", "skipped"):
            setattr(self, state, getattr(self, state) + number)


@dataclasses.dataclass(frozen=True)
class Progress:
    """`stages` has one bar for each stage that has begun or is to come; `groups` those of the stage in work, if it has
    groups. `per_second` and `left` are None while they cannot be told. `unit` is what items are called."""

    stages: Sequence[Bar]
    groups: Sequence[Bar]
    unit: str
    per_second: float | None
    left: datetime.timedelta | None
    pictures: Sequence[JobItem]
    failures: Sequence[JobItem]
    failed: int

    @property
    def now(self) -> Bar | None:
        """The bar of the stage in work."""
        return next((bar for bar in self.stages if bar.is_now), None)

    @property
    def tenths(self) -> int:
        """Tenths of the stage in work that are over: what is worth saying aloud."""
        return 10 * self.now.over // self.now.total if self.now and self.now.total else 0


def progress_of(job: Job) -> Progress:
    """Everything the page of a job shows of its progress."""
    kind = kind_of(job.kind)
    counts = list(job.items.values_list("stage", "group", "state").annotate(number=Count("pk")).order_by())
    stages = {stage.name: Bar(stage.title, is_now=stage.name == job.stage) for stage in (kind.stages if kind else ())}
    for stage, _, state, number in counts:
        stages.setdefault(stage, Bar(stage, is_now=stage == job.stage)).add(state, number)
    shown = shown_stage(job, kind)
    groups: dict[str, Bar] = defaultdict(lambda: Bar(""))
    for stage, group, state, number in counts:
        if stage == shown and group:
            groups[group].label = group
            groups[group].add(state, number)
    per_second, left = _pace(job)
    failures = job.items.filter(state=JobItem.State.FAILED).order_by("stage", "position")
    found = stage_of(kind, job.stage) if kind else None
    return Progress(
        stages=list(stages.values()),
        groups=sorted(groups.values(), key=lambda bar: bar.label),
        unit=found.unit if found else "items",
        per_second=per_second,
        left=left,
        pictures=latest_pictures(job, kind),
        failures=list(failures[:FAILURES]),
        failed=sum(number for _, _, state, number in counts if state == JobItem.State.FAILED),
    )


def shown_stage(job: Job, kind: JobKind | None) -> str:
    """The stage whose groups are shown: the one in work, or the last before it that has groups."""
    names = [stage.name for stage in kind.stages] if kind else []
    so_far = names[: names.index(job.stage) + 1] if job.stage in names else []
    for name in reversed(so_far):
        if job.items.filter(stage=name).exclude(group="").exists():
            return name
    return job.stage


def latest_pictures(job: Job, kind: JobKind | None) -> Sequence[JobItem]:
    """The last finished items that made an image, newest first."""
    stage = next((stage.name for stage in (kind.stages if kind else ()) if stage.pictures), None)
    rows = job.items.filter(stage=stage, state=DONE) if stage else job.items.none()
    return [item for item in rows.order_by("-finished_at")[:PICTURES] if "image" in item.result]


def _pace(job: Job) -> tuple[float | None, datetime.timedelta | None]:
    """(items per second, time left) of the stage in work, from what was finished since the job last went on, or in the
    last ten minutes. The time left counts each item's cost."""
    if job.state != JobState.RUNNING or not job.stage:
        return None, None
    now = timezone.now()
    began = job.events.filter(Q(to_state=JobState.RUNNING)).exclude(from_state=JobState.RUNNING).first()
    first_note = job.events.filter(from_state=JobState.RUNNING, to_state=JobState.RUNNING).first()
    since = max(event.at for event in (began, first_note) if event) if began or first_note else now
    since = max(since, now - WINDOW)
    rows = job.items.filter(stage=job.stage)
    done = rows.filter(state=DONE, finished_at__gte=since).aggregate(number=Count("pk"), cost=Sum("cost"))
    seconds = (now - since).total_seconds()
    if done["number"] < 2 or seconds <= 0:
        return None, None
    waiting = rows.filter(state__in=(JobItem.State.WAITING, JobItem.State.RUNNING)).aggregate(cost=Sum("cost"))["cost"]
    left = seconds * (waiting or 0.0) / done["cost"] if done["cost"] else 0.0
    return done["number"] / seconds, datetime.timedelta(seconds=left)


def counts_of(jobs: Sequence[Job]) -> dict[UUID, Bar]:
    """Bars of the stages in work of several jobs, for a list."""
    bars: dict[UUID, Bar] = {job.pk: Bar(job.stage) for job in jobs}
    current = {job.pk: job.stage for job in jobs}
    rows = JobItem.objects.filter(job__in=jobs).values_list("job", "stage", "state").annotate(number=Count("pk"))
    for pk, stage, state, number in rows.order_by():
        if current[pk] == stage:
            bars[pk].add(state, number)
    return bars
