"""What the stages do that only fine-tuning has: find the images, train slice by slice, sum up the repeats.

training.csv                    name and file of the training and validation images
train.csv, validation.csv       their MOS, as they were uploaded
repeat-SEED/                    one repeat, as `scoring.baselines.finetune` writes it
summary.json                    mean and standard deviation over the repeats
"""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path

from challenge.datasets.services import current_answer_key, expected_names
from challenge.jobs import resident
from challenge.jobs.baselines.offers import weights_folder
from challenge.jobs.baselines.results import write_listing
from challenge.jobs.baselines.sources import find_images
from challenge.jobs.baselines.steps import check_packages, phase_of
from challenge.jobs.finetuning.form import TABLES, recipe_of
from challenge.jobs.kinds import Item, ItemResult, JobFailed, Task
from scoring.answer_key import read_answer_key
from scoring.baselines.files import write_whole
from scoring.baselines.images import Unreadable
from scoring.baselines.job import AnotherRun
from scoring.baselines.registry import MetricInfo, find_metric, read_metrics
from scoring.baselines.weights import require

LISTING = "training.csv"
SUMMARY = "summary.json"
SLICE_SECONDS = 60.0  # after which a repeat makes way, at the end of an epoch
PACKAGES = {"PIL", "scipy", "torch", "torchvision", "open_clip", "safetensors"}


class _SliceOver(Exception):
    """Raised from within the training to leave it at the end of an epoch; its argument is how many are done."""


def repeat_folder(task: Task, seed: int) -> Path:
    """Where a repeat is."""
    return task.folder / f"repeat-{seed}"


def row_names(task: Task) -> list[str]:
    """What the fine-tuned metrics are called, one per repeat."""
    return [f"{task.parameters['metric']}+finetune.{seed}" for seed in range(task.parameters["repeats"])]


def tuned_metric(task: Task, name: str) -> MetricInfo:
    """One of them, as it came out."""
    return read_metrics(repeat_folder(task, row_names(task).index(name)) / "metric.toml")[name]


def find_them(task: Task) -> ItemResult:
    """List all images, and refuse what cannot be done before hours are spent."""
    check_packages(PACKAGES)
    require(find_metric(task.parameters["metric"]), weights_folder())
    names = [name for table in TABLES for name in read_answer_key(task.folder / f"{table}.csv").names]
    images, _ = find_images(task, names)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("name", "file"))
    writer.writerows((image.name, image.path) for image in images)
    write_whole(task.folder / LISTING, text.getvalue().encode())
    if not task.parameters["phase"]:
        return ItemResult({"images": len(images)})
    key = current_answer_key(phase_of(task))
    if key is None:
        raise JobFailed("The phase has no answer key any more.")
    of_phase, _ = find_images(task, expected_names(key), "test_source")
    write_listing(task.folder, of_phase, {})
    return ItemResult({"images": len(images), "images_of_phase": len(of_phase)})


def train(task: Task, item: Item) -> ItemResult:
    """A slice of one repeat, from where the last one ended: whole epochs until SLICE_SECONDS are over."""
    from scoring.baselines.finetune import fine_tune
    from scoring.baselines.samples import read_samples

    resident.release()
    recipe = recipe_of(dict(task.parameters), seed=item.parameters["seed"])
    training, validation = (read_samples(task.folder / LISTING, task.folder / f"{table}.csv") for table in TABLES)
    ends = time.monotonic() + SLICE_SECONDS

    def leave_in_time(done: int, total: int) -> None:
        if done < total and time.monotonic() >= ends:
            raise _SliceOver(done)

    try:
        result = fine_tune(
            recipe,
            training,
            validation,
            repeat_folder(task, recipe.seed),
            weights=weights_folder(),
            device=task.parameters["device"],
            progress=leave_in_time,
        )
    except _SliceOver as over:
        return ItemResult({"epochs": over.args[0]}, goes_on=True)
    except AnotherRun as error:
        raise JobFailed(
            f"Repeat {recipe.seed} was begun by a worker with other versions or weights: {error}"
        ) from error
    except Unreadable as error:
        raise JobFailed(f"An image cannot be read: {error}. Mend it, then try again.") from error
    return ItemResult({"epochs": recipe.epochs, "best_epoch": result["best_epoch"], **result["validation"]})


def sum_up(task: Task) -> ItemResult:
    """Mean and standard deviation of each validation metric over the repeats."""
    from scoring.baselines.finetune import METRICS, aggregate

    summary = aggregate([repeat_folder(task, seed) for seed in range(task.parameters["repeats"])])
    write_whole(task.folder / SUMMARY, json.dumps(summary, indent=2, allow_nan=False).encode() + b"\n")
    return ItemResult({name: summary[name] for name in METRICS})
