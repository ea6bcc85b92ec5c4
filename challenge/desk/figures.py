"""Live figures of one challenge, each computed from rows at the moment it is asked for."""

import dataclasses
import datetime
import statistics

from django.db.models import Count, Min, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from challenge.contests.models import Challenge, Registration
from challenge.submissions.models import Submission
from challenge.submissions.states import Status

DAYS = 30
RECENT = datetime.timedelta(hours=24)
TIMED = 200  # the newest scored files, whose waiting times the median is of


@dataclasses.dataclass(frozen=True)
class Day:
    """Files that teams sent on one UTC day, and how many of them failed."""

    date: datetime.date
    files: int
    failed: int


@dataclasses.dataclass(frozen=True)
class Figures:
    """What the desk shows. Ages are durations; None where there is nothing to measure."""

    accepted: int
    pending: int
    teams: int
    files: int
    files_recent: int
    waiting: int
    held: int
    lost: int
    queue_age: datetime.timedelta | None
    scored_recent: int
    failed_recent: int
    failed: int
    median_wait: datetime.timedelta | None
    last_scored_at: datetime.datetime | None
    days: tuple[Day, ...]

    @property
    def failure_rate(self) -> float | None:
        """Percent of the files that came to an end in the last 24 hours and failed."""
        over = self.scored_recent + self.failed_recent
        return 100 * self.failed_recent / over if over else None


def figures_of(challenge: Challenge, now: datetime.datetime | None = None) -> Figures:
    """The figures of `challenge` at the moment `now`, reference rows left out except in the queue."""
    now = now or timezone.now()
    everything = Submission.objects.filter(phase__challenge=challenge).order_by()
    files = everything.filter(kind=Submission.Kind.PARTICIPANT)
    over = files.filter(finished_at__gt=now - RECENT)
    waiting = everything.filter(status__in=(Status.RECEIVED, Status.QUEUED))
    scoring = everything.filter(status=Status.SCORING)
    oldest = everything.filter(status__in=(Status.RECEIVED, Status.QUEUED, Status.SCORING)).aggregate(
        oldest=Min("created_at")
    )["oldest"]
    timed = files.filter(status=Status.SCORED, finished_at__isnull=False).order_by("-finished_at")
    spans = list(timed.values_list("created_at", "finished_at")[:TIMED])
    waits = [(end - start).total_seconds() for start, end in spans if end]
    registrations = dict(
        challenge.registrations.order_by()
        .values_list("status")
        .annotate(count=Count("pk"))
        .values_list("status", "count")
    )
    return Figures(
        accepted=registrations.get(Registration.Status.ACCEPTED, 0),
        pending=registrations.get(Registration.Status.PENDING, 0),
        teams=challenge.teams.filter(merged_into=None).count(),
        files=files.count(),
        files_recent=files.filter(received_at__gt=now - RECENT).count(),
        waiting=waiting.count(),
        held=scoring.filter(lease_expires_at__gte=now).count(),
        lost=scoring.filter(lease_expires_at__lt=now).count(),
        queue_age=now - oldest if oldest else None,
        scored_recent=over.filter(status=Status.SCORED).count(),
        failed_recent=over.filter(status=Status.FAILED).count(),
        failed=files.filter(status=Status.FAILED).count(),
        median_wait=datetime.timedelta(seconds=statistics.median(waits)) if waits else None,
        last_scored_at=spans[0][1] if spans else None,
        days=_days(files, now),
    )


def _days(files: QuerySet[Submission], now: datetime.datetime) -> tuple[Day, ...]:
    today = now.astimezone(datetime.UTC).date()
    first = today - datetime.timedelta(days=DAYS - 1)
    since = datetime.datetime.combine(first, datetime.time(), datetime.UTC)
    counted = (
        files.filter(received_at__gte=since)
        .annotate(day=TruncDate("received_at", tzinfo=datetime.UTC))
        .values("day", "status")
        .annotate(count=Count("pk"))
    )
    total: dict[datetime.date, int] = {}
    failed: dict[datetime.date, int] = {}
    for day, status, count in counted.values_list("day", "status", "count"):
        total[day] = total.get(day, 0) + count
        if status == Status.FAILED:
            failed[day] = failed.get(day, 0) + count
    dates = (first + datetime.timedelta(days=number) for number in range(DAYS))
    return tuple(Day(date, total.get(date, 0), failed.get(date, 0)) for date in dates)


@dataclasses.dataclass(frozen=True)
class Bar:
    """One bar of the plot of `days`, in units of its view box; `failed` is the height of the part that failed."""

    x: float
    y: float
    height: float
    failed: float
    day: Day


BAR_WIDTH, BAR_STEP, PLOT_HEIGHT = 8.0, 10.0, 60.0


def bars(days: tuple[Day, ...]) -> list[Bar]:
    """A bar a day, the busiest one as high as the plot."""
    most = max((day.files for day in days), default=0) or 1
    made = []
    for number, day in enumerate(days):
        height = round(PLOT_HEIGHT * day.files / most, 2)
        failed = round(PLOT_HEIGHT * day.failed / most, 2)
        made.append(Bar(number * BAR_STEP, round(PLOT_HEIGHT - height, 2), height, failed, day))
    return made
