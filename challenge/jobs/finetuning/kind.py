"""The kind itself: find the images, train each repeat, sum them up, then score a phase with each and submit that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from django import forms

from challenge.contests.models import Challenge
from challenge.jobs.baselines.steps import problems_told, score_chunk, score_items, submit_items, submit_metric
from challenge.jobs.finetuning.form import TABLES, FineTuningForm
from challenge.jobs.finetuning.steps import find_them, row_names, sum_up, train, tuned_metric
from challenge.jobs.kinds import (
    Batch,
    Finished,
    InvalidParameters,
    Item,
    ItemResult,
    JobKind,
    Link,
    NewItem,
    Stage,
    Task,
)

HOUR = 3600.0


class FineTuning(JobKind):
    """Fine-tuned metrics, and their reference rows in a phase if one is chosen."""

    name = "finetune"
    title = "Fine-tune a baseline metric"
    description = (
        "Trains CNNIQA, CLIP-IQA or DBCNN on public MOS as the paper does, several times, and submits each repeat's "
        "scores of a phase as a reference row."
    )
    stages: ClassVar = (
        Stage("images", "Images", unit="runs", limit_seconds=HOUR),
        Stage("repeats", "Repeats", unit="repeats", limit_seconds=6 * HOUR),  # an epoch may take hours on a processor
        Stage("aggregate", "Mean over repeats", unit="runs"),
        Stage("scores", "Scores", unit="chunks", can_skip=True, limit_seconds=HOUR),
        Stage("submit", "Submit", unit="metrics", can_skip=True),
    )
    groups = "metric"

    def form(self, data: Any = None, files: Any = None) -> forms.Form:
        """The form with every challenge, for the words of its choices; `views` offers what the viewer runs."""
        return FineTuningForm(data, files, challenges=Challenge.objects.all())

    def parameters(self, cleaned: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Stores both tables; raises InvalidParameters when they cannot be stored."""
        try:
            for table in TABLES:
                (folder / f"{table}.csv").write_bytes(cleaned[table].read())
        except OSError as error:
            raise InvalidParameters(f"The tables cannot be stored: {error.strerror}.") from error
        return {
            **cleaned,
            **{table: cleaned[table].name for table in TABLES},
            "test_source": cleaned["test_source"] or cleaned["source"],
        }

    def links(self, state: str, stage: str) -> Sequence[Link]:
        """What each repeat came to, from the first epochs on."""
        return [Link("job-repeats", "Repeats and their mean")] if stage not in ("", "images") else []

    def items(self, task: Task, stage: str) -> Iterable[NewItem]:
        """One per repeat: it is called slice after slice. Without a phase nothing is scored and submitted."""
        if stage in ("images", "aggregate"):
            return [NewItem(stage)]
        if stage == "repeats":
            seeds = range(task.parameters["repeats"])
            return [NewItem(f"repeat {seed}", "", {"name": f"repeat {seed}", "seed": seed}) for seed in seeds]
        if not task.parameters["phase"]:
            return []
        names = row_names(task)
        return submit_items(names) if stage == "submit" else score_items(task, names)

    def run(self, batch: Batch) -> Sequence[ItemResult]:
        """Do a batch of any stage."""
        with problems_told():
            return [_do(batch.stage, batch.task, item) for item in batch.items]

    def finish_stage(self, task: Task, stage: str, done: Iterable[Finished]) -> None:
        """Nothing is left to do."""


def _do(stage: str, task: Task, item: Item) -> ItemResult:
    if stage == "images":
        return find_them(task)
    if stage == "repeats":
        return train(task, item)
    if stage == "aggregate":
        return sum_up(task)
    if stage == "scores":
        return score_chunk(task, tuned_metric(task, item.group), item)
    return submit_metric(task, tuned_metric(task, item.key))
