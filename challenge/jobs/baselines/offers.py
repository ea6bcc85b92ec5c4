"""Which metrics and which sources of images an admin may choose from, and what hinders a metric."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from challenge.contests.models import Challenge, Phase
from challenge.datasets.models import DataFile
from challenge.jobs.models import Job
from challenge.jobs.states import JobState
from scoring.baselines.registry import MetricInfo, read_metrics

Choices = list[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class OfferedMetric:
    """A metric of the registry; `problem` says why it cannot run, and `command` mends that. Both "" where it can."""

    info: MetricInfo
    problem: str = ""
    command: str = ""


def known_metrics() -> dict[str, MetricInfo]:
    """The metrics of the library and of the files that BASELINE_METRIC_FILES lists, by name."""
    return read_metrics(*map(Path, settings.BASELINE_METRIC_FILES))


def weights_folder() -> Path:
    """Where the metrics' weights are: BASELINE_WEIGHTS_DIR, by default `baseline-weights` below STATE_DIR."""
    return Path(settings.BASELINE_WEIGHTS_DIR or Path(settings.STATE_DIR) / "baseline-weights")


def offered_metrics() -> list[OfferedMetric]:
    """All metrics, those that can run first.

    A look for the files only: what they are is checked by the worker, which may take minutes for some of them.
    """
    return sorted((_offered(info) for info in known_metrics().values()), key=lambda offer: bool(offer.problem))


def _offered(info: MetricInfo) -> OfferedMetric:
    folder = weights_folder()
    missing = [entry for entry in info.weights if not entry.locate(folder).exists()]
    if not missing:
        return OfferedMetric(info)
    if by_hand := [entry for entry in missing if not (entry.url or entry.repo)]:
        return OfferedMetric(info, f"put {folder / by_hand[0].file} there by hand")
    return OfferedMetric(
        info, "weights are missing", f"python -m scoring baselines weights fetch {info.name} --weights {folder}"
    )


def phase_choices(challenges: QuerySet[Challenge]) -> Choices:
    """(id, words) of the phases of these challenges that have an answer key: its names say which images there are."""
    phases = Phase.objects.filter(challenge__in=challenges, answer_keys__is_current=True).select_related("challenge")
    ordered = phases.order_by("challenge__title", "position")
    return [(str(phase.pk), f"{phase.challenge.title}: {phase.title}") for phase in ordered]


def source_choices(challenges: QuerySet[Challenge]) -> Choices:
    """(source, words): finished database jobs, zip files of these challenges, folders that the settings allow."""
    jobs = Job.objects.filter(kind="database", state=JobState.DONE)
    zips = DataFile.objects.filter(challenge__in=challenges, file_name__iendswith=".zip").select_related("challenge")
    return [
        *((f"job:{job.pk}", f"Job: {job.title} ({job.finished_at:%Y-%m-%d})") for job in jobs),
        *((f"file:{file.pk}", f"Data page of {file.challenge.title}: {file.title}") for file in zips),
        *((f"folder:{path}", f"Folder: {path}") for path in settings.BASELINE_IMAGE_FOLDERS),
    ]
