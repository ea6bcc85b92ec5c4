"""The kind itself: find the images, score them chunk by chunk with one metric after the other, submit what came out."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from django import forms

from challenge.contests.models import Challenge, Phase
from challenge.datasets.services import current_answer_key, expected_names
from challenge.jobs.baselines.form import BaselinesForm
from challenge.jobs.baselines.offers import known_metrics, weights_folder
from challenge.jobs.baselines.results import BROKEN, read_listing, read_rows, write_listing, write_rows
from challenge.jobs.baselines.sources import PROMPTS, find_images
from challenge.jobs.baselines.submitting import submit
from challenge.jobs.kinds import (
    Batch,
    Finished,
    InvalidParameters,
    Item,
    ItemResult,
    JobFailed,
    JobKind,
    NewItem,
    Stage,
    Task,
)
from scoring.baselines.images import InvalidImages, prompts_for
from scoring.baselines.metric import MetricUnavailable
from scoring.baselines.registry import MetricInfo
from scoring.baselines.run import Scored, run_chunk
from scoring.baselines.weights import require

HOUR = 3600.0


class Baselines(JobKind):
    """Baseline metrics as reference rows of a phase."""

    name = "baselines"
    title = "Run baseline metrics"
    description = "Scores the images of a phase with the paper's baselines and submits the results as reference rows."
    stages: ClassVar = (
        Stage("images", "Images", unit="runs", limit_seconds=HOUR),
        Stage("scores", "Scores", unit="chunks", can_skip=True, limit_seconds=HOUR),
        Stage("submit", "Submit", unit="metrics", can_skip=True),
    )
    groups = "metric"

    def form(self, data: Any = None, files: Any = None) -> forms.Form:
        """The form with every challenge, for the words of its choices; `views` offers what the viewer runs."""
        return BaselinesForm(data, files, challenges=Challenge.objects.all())

    def parameters(self, cleaned: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Stores the file of prompts; raises InvalidParameters when it cannot be stored."""
        upload = cleaned["prompts"]
        if upload:
            try:
                (folder / PROMPTS).write_bytes(upload.read())
            except OSError as error:
                raise InvalidParameters(f"The file of prompts cannot be stored: {error.strerror}.") from error
        return {**cleaned, "prompts": upload.name if upload else ""}

    def items(self, task: Task, stage: str) -> Iterable[NewItem]:
        """Chunks, all of one metric before the next, so that each is loaded once; then the metrics."""
        if stage == "images":
            return [NewItem(stage)]
        metrics = task.parameters["metrics"]
        if stage == "submit":
            return [NewItem(metric, "", {"name": metric}) for metric in metrics]
        sizes = [len(chunk) for chunk in read_listing(task.folder).chunks]
        return [
            NewItem(f"{metric} {number}", metric, {"name": f"{metric}, chunk {number + 1}", "chunk": number}, size)
            for metric in metrics
            for number, size in enumerate(sizes)
        ]

    def run(self, batch: Batch) -> Sequence[ItemResult]:
        """Do a batch of any stage."""
        step = {"images": _find, "scores": _score, "submit": _submit}[batch.stage]
        with _problems_told():
            return [step(batch.task, item) for item in batch.items]

    def finish_stage(self, task: Task, stage: str, done: Iterable[Finished]) -> None:
        """Nothing is left to do."""


def _find(task: Task, _item: Item) -> ItemResult:
    """List the images, and refuse what no metric could be run with before hours are spent on the others."""
    key = current_answer_key(phase_of(task))
    if key is None:
        raise JobFailed("The phase has no answer key any more.")
    metrics = [_metric(name) for name in task.parameters["metrics"]]
    _check_packages(metrics)
    for info in metrics:
        require(info, weights_folder())
    images, prompts = find_images(task, expected_names(key))
    if any(info.needs_prompt for info in metrics):
        prompts_for(images, prompts)
    listing = write_listing(task.folder, images, prompts)
    return ItemResult({"images": len(images), "prompts": len(prompts), "chunks": len(listing.chunks)})


def _score(task: Task, item: Item) -> ItemResult:
    """One chunk. Whoever ends a metric's last one submits it, unless something is broken: then people decide first."""
    info, listing, number = _metric(item.group), read_listing(task.folder), int(item.parameters["chunk"])
    rows = run_chunk(info, listing.chunks[number], listing.prompts, task.parameters["device"], weights=weights_folder())
    write_rows(task.folder, info.name, number, rows)
    counts = Counter(row.status for row in rows)
    if broken := _broken(rows):
        first = f"{broken[0].name}: {broken[0].status}: {broken[0].problem}"
        return ItemResult(dict(counts), f"{len(broken)} images have no score. The first: {first}")
    everything = read_rows(task.folder, info.name, listing)
    if everything is not None and not _broken(everything) and any(row.score is not None for row in everything):
        submit(task, phase_of(task), info, everything)
    return ItemResult({**counts, "seconds": round(sum(row.seconds for row in rows), 3)})


def _submit(task: Task, item: Item) -> ItemResult:
    """Submit a metric, if that was not done when its last chunk was; one with chunks left out is not."""
    info = _metric(item.key)
    rows = read_rows(task.folder, info.name, read_listing(task.folder))
    if rows is None:
        return ItemResult(problem="Some of its chunks have no results: nothing to submit.")
    if all(row.score is None for row in rows):
        return ItemResult(problem=f"No image has a score. The first: {rows[0].name}: {rows[0].problem}")
    submission, filled = submit(task, phase_of(task), info, rows)
    return ItemResult({"submission": str(submission.pk), "filled": filled})


def _broken(rows: Sequence[Scored]) -> list[Scored]:
    return [row for row in rows if row.status in BROKEN]


def phase_of(task: Task) -> Phase:
    """The phase of a job. Raises JobFailed when it is gone."""
    phase = Phase.objects.select_related("challenge").filter(pk=task.parameters["phase"]).first()
    if phase is None:
        raise JobFailed("The phase is gone.")
    return phase


def _metric(name: str) -> MetricInfo:
    info = known_metrics().get(name)
    if info is None:
        raise JobFailed(f"This worker knows no metric {name}: BASELINE_METRIC_FILES must be the same everywhere.")
    return info


def _check_packages(metrics: Sequence[MetricInfo]) -> None:
    needed = {"PIL", "scipy"}
    for info in metrics:
        needed |= {"torch"} if info.weights else set()
        needed |= {"torch", "pyiqa"} if "pyiqa" in info.options else set()
    if missing := sorted(name for name in needed if find_spec(name) is None):
        raise JobFailed(
            f"{' and '.join(missing)} missing on this worker: run `make gpu` there, start it again, then try again."
        )


@contextlib.contextmanager
def _problems_told() -> Iterator[None]:
    try:
        yield
    except (MetricUnavailable, InvalidImages) as error:
        raise JobFailed(str(error)) from error
