"""The kind itself: find the images, score them chunk by chunk with one metric after the other, submit what came out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from django import forms

from challenge.contests.models import Challenge
from challenge.datasets.services import current_answer_key, expected_names
from challenge.jobs.baselines.form import BaselinesForm
from challenge.jobs.baselines.offers import known_metrics, weights_folder
from challenge.jobs.baselines.results import write_listing
from challenge.jobs.baselines.sources import PROMPTS, find_images
from challenge.jobs.baselines.steps import (
    check_packages,
    phase_of,
    problems_told,
    score_chunk,
    score_items,
    submit_items,
    submit_metric,
)
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
from scoring.baselines.images import prompts_for
from scoring.baselines.registry import MetricInfo
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
        return submit_items(metrics) if stage == "submit" else score_items(task, metrics)

    def run(self, batch: Batch) -> Sequence[ItemResult]:
        """Do a batch of any stage."""
        step = {"images": _find, "scores": _score, "submit": _submit}[batch.stage]
        with problems_told():
            return [step(batch.task, item) for item in batch.items]

    def finish_stage(self, task: Task, stage: str, done: Iterable[Finished]) -> None:
        """Nothing is left to do."""


def _find(task: Task, _item: Item) -> ItemResult:
    """List the images, and refuse what no metric could be run with before hours are spent on the others."""
    key = current_answer_key(phase_of(task))
    if key is None:
        raise JobFailed("The phase has no answer key any more.")
    metrics = [_metric(name) for name in task.parameters["metrics"]]
    check_packages(_packages(metrics))
    for info in metrics:
        require(info, weights_folder())
    images, prompts = find_images(task, expected_names(key))
    if any(info.needs_prompt for info in metrics):
        prompts_for(images, prompts)
    listing = write_listing(task.folder, images, prompts)
    return ItemResult({"images": len(images), "prompts": len(prompts), "chunks": len(listing.chunks)})


def _score(task: Task, item: Item) -> ItemResult:
    return score_chunk(task, _metric(item.group), item)


def _submit(task: Task, item: Item) -> ItemResult:
    return submit_metric(task, _metric(item.key))


def _metric(name: str) -> MetricInfo:
    info = known_metrics().get(name)
    if info is None:
        raise JobFailed(f"This worker knows no metric {name}: BASELINE_METRIC_FILES must be the same everywhere.")
    return info


def _packages(metrics: Sequence[MetricInfo]) -> set[str]:
    needed = {"PIL", "scipy"}
    for info in metrics:
        needed |= {"torch"} if info.weights else set()
        needed |= {"torch", "pyiqa"} if "pyiqa" in info.options else set()
    return needed
