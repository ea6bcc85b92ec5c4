"""How carefully subjects rate, for the operator while a study runs. Subjects never see it, and nothing acts on it.

The correlation is that of a subject with the mean of the *others* (leave-one-out): the paper's limit of 0.6 is about a
mean that includes the subject, which flatters whoever is one of few. docs/study.md names the thresholds below.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from django.core.cache import caches
from django.db.models import Count
from numpy.typing import NDArray

from challenge.study.models import Rating, RatingSession, Study, Trial
from scoring.correlations import srocc
from scoring.ratings import read_ratings
from scoring.screening import THRESHOLD, subject_correlations

Floats = NDArray[np.float64]

FAST_MS = 700
FAST_SHARE = 0.1
LEAST_VARIANCE = 0.15  # on a scale of five points: Microsoft's P.910 toolkit asks for as much in a session
LONGEST_RUN = 15
REPEAT_ERROR = 1.0  # points of five
FEW = 20  # ratings; with fewer a session is not judged
CACHE_SECONDS = 15


@dataclasses.dataclass(frozen=True)
class SessionQuality:
    """One session: counts, then what its ratings say; None where there are too few."""

    session_id: str
    state: str
    attempt: int
    answered: int
    trials: int
    seconds: float | None  # median from image to answer
    fast_share: float | None  # answers faster than FAST_MS
    variance: float | None
    longest_run: int
    repeat_error: float | None  # mean difference between both ratings of the hidden repeats
    gold_misses: int
    gold: int
    flagged: int  # images that got a flag instead of a score
    warnings: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class SubjectQuality:
    """A subject's correlation with the others (None: too few shared images) and its sessions by group."""

    number: int
    code: str
    state: str
    srocc: float | None
    sessions: Mapping[int, Sequence[SessionQuality]]


@dataclasses.dataclass(frozen=True)
class Overview:
    """The matrix: groups in order, subjects in order, ratings that count."""

    groups: tuple[int, ...]
    subjects: tuple[SubjectQuality, ...]
    ratings: int
    threshold: float = THRESHOLD


def overview(study: Study) -> Overview:
    """The matrix as it was at most CACHE_SECONDS ago."""
    found = caches["local"].get_or_set(f"study:{study.pk}", lambda: measure(study), CACHE_SECONDS)
    return cast(Overview, found)


def measure(study: Study) -> Overview:
    """The matrix as it is now."""
    rows: dict[Any, list[tuple[Any, ...]]] = defaultdict(list)
    current = Rating.objects.filter(trial__session__subject__study=study, is_superseded=False)
    columns = ("trial__session", "trial__image", "trial__kind", "value", "response_ms", "was_hidden")
    ranges = ("trial__image__expected_low", "trial__image__expected_high")
    for session, *row in current.order_by("trial__position").values_list(*columns, *ranges):
        rows[session].append(tuple(row))
    sizes = _trial_counts(study)
    points = (study.scale_high - study.scale_low) / 5
    sessions: dict[int, dict[int, list[SessionQuality]]] = defaultdict(lambda: defaultdict(list))
    counted: dict[int, list[tuple[str, float]]] = defaultdict(list)
    listed = RatingSession.objects.filter(subject__study=study).order_by("number").select_related("subject")
    for session in listed:
        own = rows.get(session.pk, [])
        number = session.subject.number
        sessions[number][session.group].append(_session(session, own, sizes.get(session.pk, 0), points))
        if session.state != RatingSession.State.SET_ASIDE:
            counted[number] += [(str(r[0]), r[2]) for r in own if r[1] == Trial.Kind.MAIN and r[2] is not None]
    correlations = _correlations(counted, (study.scale_low, study.scale_high))
    subjects = tuple(
        SubjectQuality(
            subject.number,
            subject.code,
            "withdrawn" if subject.withdrawn_at else "consented" if subject.consent_version else "invited",
            correlations.get(subject.number),
            {group: tuple(found) for group, found in sessions[subject.number].items()},
        )
        for subject in study.subjects.order_by("number")
    )
    main = study.images.filter(group__isnull=False).order_by("group").values_list("group", flat=True).distinct()
    groups = tuple(group for group in main if group is not None)
    return Overview(groups, subjects, sum(map(len, counted.values())))


def _trial_counts(study: Study) -> dict[Any, int]:
    counts = Trial.objects.filter(session__subject__study=study).order_by().values_list("session")
    return dict(counts.annotate(count=Count("pk")))


def _correlations(counted: Mapping[int, Sequence[tuple[str, float]]], scale: tuple[float, float]) -> dict[int, float]:
    """Leave-one-out SRoCC of each subject that shares enough images with others."""
    table = [(f"{number:06d}", image, "", value) for number, own in counted.items() for image, value in own]
    if not table:
        return {}
    cells = read_ratings(table, scale=scale).cells()
    shared = np.bincount(cells.subject[cells.per_image()[cells.image] > 1], minlength=cells.subjects)
    found = subject_correlations(cells, srocc, leave_one_out=True)
    numbers = sorted(number for number, own in counted.items() if own)
    return {
        number: float(value)
        for number, value, images in zip(numbers, found.tolist(), shared.tolist(), strict=True)
        if images >= FEW and np.isfinite(value)
    }


def _session(session: RatingSession, rows: Sequence[tuple[Any, ...]], trials: int, points: float) -> SessionQuality:
    """`rows`: (image, kind, value, response_ms, was_hidden, low, high) in the order of the session."""
    kinds = Trial.Kind
    scored = [row for row in rows if row[1] != kinds.WARM_UP and row[2] is not None]
    values = np.array([row[2] for row in scored], dtype=np.float64)
    times = np.array([row[3] for row in scored if not row[4]], dtype=np.float64)
    first = {row[0]: row[2] for row in scored if row[1] == kinds.MAIN}
    repeats = [abs(row[2] - first[row[0]]) for row in scored if row[1] == kinds.REPEAT and row[0] in first]
    golds = [row for row in scored if row[1] == kinds.GOLD]
    misses = sum(not row[5] <= row[2] <= row[6] for row in golds)
    enough = len(scored) >= FEW
    fast = float(np.mean(times < FAST_MS)) if enough and times.size else None
    variance = float(values.var(ddof=1)) if enough else None
    error = float(np.mean(repeats)) if repeats else None
    run = longest_run(values)
    warnings = [
        word
        for word, holds in (
            ("fast", fast is not None and fast > FAST_SHARE),
            ("little variance", variance is not None and variance < LEAST_VARIANCE * points**2),
            ("long run", enough and run >= LONGEST_RUN),
            ("repeats differ", len(repeats) >= 3 and error is not None and error > REPEAT_ERROR * points),
            ("gold missed", misses >= 2),
        )
        if holds
    ]
    return SessionQuality(
        str(session.pk),
        session.state,
        session.number,
        len(rows),
        trials,
        float(np.median(times)) / 1000 if times.size else None,
        fast,
        variance,
        run,
        error,
        misses,
        len(golds),
        sum(row[2] is None for row in rows),
        tuple(warnings),
    )


def longest_run(values: Floats) -> int:
    """How often the same score was given in a row, at most; 0 without scores."""
    if not values.size:
        return 0
    ends = np.flatnonzero(np.append(np.diff(values) != 0, True))
    return int(np.diff(np.concatenate(([-1], ends))).max())
