"""When a study will be done, for its operator: what is left, how fast it goes, when each subject may go on.

Everybody who is invited and has not withdrawn is expected to rate every group.
"""

import dataclasses
import datetime
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from django.core.cache import caches
from django.db.models import Count, Q
from django.utils import timezone

from challenge.study.models import Rating, RatingSession, Study, StudyImage
from challenge.study.rating import rest_after

State = RatingSession.State
CACHE_SECONDS = 15
LATEST = 20_000  # ratings that the seconds are taken from
DAYS = 7  # that the pace is taken from
DAY = datetime.timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class Calendar:
    """One subject: sessions done, open, left to start; when the next may start (None: now, or there is none left)."""

    done: int
    open: int
    left: int
    next_at: datetime.datetime | None


@dataclasses.dataclass(frozen=True)
class Outlook:
    """The whole study. `ratings` to come, `seconds` each takes (median of the latest, None before the first),
    `sessions` to finish, `pace` in finished sessions a day (None without any), `done_by` at that pace, `earliest` by
    the rules on rest and sessions a day alone."""

    ratings: int
    seconds: float | None
    sessions: int
    pace: float | None
    done_by: datetime.datetime | None
    earliest: datetime.datetime | None
    calendars: Mapping[int, Calendar]

    @property
    def hours(self) -> float | None:
        """Of looking at images, all subjects together."""
        return None if self.seconds is None else self.ratings * self.seconds / 3600


def outlook(study: Study) -> Outlook:
    """As it was at most CACHE_SECONDS ago."""
    found = caches["local"].get_or_set(f"study-pace:{study.pk}", lambda: measure(study), CACHE_SECONDS)
    return cast(Outlook, found)


def measure(study: Study) -> Outlook:
    """As it is now. An archived study has nothing left: nobody can go on."""
    now = timezone.now()
    sizes = _session_sizes(study)
    sessions: dict[Any, list[tuple[Any, ...]]] = defaultdict(list)
    columns = ("subject", "pk", "group", "state", "started_at", "finished_at")
    for subject, *row in RatingSession.objects.filter(subject__study=study).order_by("number").values_list(*columns):
        sessions[subject].append(tuple(row))
    missing = _missing(study)
    calendars: dict[int, Calendar] = {}
    ratings, earliest = 0, now
    active = [] if study.archived_at else study.subjects.filter(withdrawn_at=None).values_list("pk", "number")
    for pk, number in active:
        own = sessions[pk]
        taken = {group for _, group, state, _, _ in own if state != State.SET_ASIDE}
        opened = [session for session, _, state, _, _ in own if state == State.OPEN]
        left = [group for group in sizes if group not in taken]
        ratings += sum(sizes[group] for group in left) + sum(missing.get(session, 0) for session in opened)
        wait = rest_after(study, [(start, end) for *_, start, end in own], now) if left and not opened else None
        done = sum(state == State.DONE for _, _, state, _, _ in own)
        calendars[number] = Calendar(done, len(opened), len(left), wait and wait[1])
        if left:
            days = (len(left) - 1) // study.sessions_per_day
            earliest = max(earliest, (wait[1] if wait else now) + days * DAY)
    open_or_left = sum(one.open + one.left for one in calendars.values())
    pace = _pace(sessions, now)
    return Outlook(
        ratings,
        _seconds(study),
        open_or_left,
        pace,
        now + open_or_left / pace * DAY if pace and open_or_left else None,
        earliest if open_or_left else None,
        calendars,
    )


def _session_sizes(study: Study) -> dict[int, int]:
    """Trials of a session by group: its images, and what is shown beside them."""
    images = study.images.order_by()
    groups = images.filter(role=StudyImage.Role.MAIN, group__isnull=False).values_list("group")
    golds = min(study.golds, images.filter(role=StudyImage.Role.GOLD).count())
    return {
        cast(int, group): count + golds + study.warm_ups + min(study.repeats, count)
        for group, count in groups.annotate(count=Count("pk"))
    }


def _missing(study: Study) -> dict[Any, int]:
    """Trials without an answer, of each open session."""
    opened = RatingSession.objects.filter(subject__study=study, state=State.OPEN)
    answered = Count("trials", filter=Q(trials__ratings__is_superseded=False), distinct=True)
    counts = opened.annotate(all=Count("trials", distinct=True), answered=answered)
    return {pk: every - given for pk, every, given in counts.values_list("pk", "all", "answered")}


def _seconds(study: Study) -> float | None:
    """From image to answer: median of the latest ratings whose page was in sight."""
    rows = Rating.objects.filter(trial__session__subject__study=study, is_superseded=False, was_hidden=False)
    times = list(rows.order_by("-received_at").values_list("response_ms", flat=True)[:LATEST])
    return float(np.median(times)) / 1000 if times else None


def _pace(sessions: Mapping[Any, list[tuple[Any, ...]]], now: datetime.datetime) -> float | None:
    """Finished sessions a day, over the last DAYS or since the first session began, a day at least."""
    rows = [row for own in sessions.values() for row in own if row[2] == State.DONE]
    recent = [row for row in rows if row[4] > now - DAYS * DAY]
    if not recent:
        return None
    since_first: float = (now - min(row[3] for row in rows)) / DAY
    return len(recent) / min(float(DAYS), max(1.0, since_first))
