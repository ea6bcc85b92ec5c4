"""The kind itself: its stages, and which step does which."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from django import forms

from challenge.jobs.database import prompts, steps
from challenge.jobs.database.form import DatabaseForm, stored
from challenge.jobs.kinds import (
    Batch,
    Finished,
    InvalidParameters,
    ItemResult,
    JobFailed,
    JobKind,
    Link,
    NewItem,
    Stage,
    Task,
    WorkerUnusable,
)
from generation.files import whole_file

HOUR = 3600.0
# What each stage imports first, and the target of the Makefile that brings it.
NEEDS = {"rapidfuzz": "database", "cv2": "database", "pyarrow": "database", "torch": "gpu", "diffusers": "gpu"}
SINGLE = {
    "prompts": prompts.filter_them,
    "plan": steps.plan_them,
    "split": steps.split_them,
    "release": steps.release_them,
}
MANY = {"weights": steps.fetch_them, "images": steps.render_them, "attributes": steps.measure_them}
ITEMS = {"weights": steps.weights_items, "images": steps.image_items, "attributes": steps.attribute_items}
TABLES = {"images": steps.write_table, "attributes": steps.write_attributes}


class Database(JobKind):
    """A database of generated images, from prompts to the folder to publish."""

    name = "database"
    title = "Generate a database"
    description = "From prompts to a release: filter prompts, plan, render, measure, split, pack."
    stages: ClassVar = (
        Stage("prompts", "Prompts", unit="runs", limit_seconds=HOUR),
        Stage("plan", "Plan", unit="runs"),
        Stage("weights", "Weights", unit="generators", limit_seconds=12 * HOUR),
        Stage("images", "Images", can_skip=True, pictures=True),
        Stage("attributes", "Attributes"),
        Stage("split", "Split", unit="runs", limit_seconds=HOUR),
        Stage("release", "Release", unit="runs", limit_seconds=3 * HOUR),
    )

    def form(self, data: Any = None, files: Any = None) -> forms.Form:
        """The form of its parameters."""
        return DatabaseForm(data, files)

    def parameters(self, cleaned: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Stores the file of prompts; raises InvalidParameters when it cannot be stored."""
        parameters = stored(cleaned)
        if upload := cleaned["prompts"]:
            try:
                (folder / prompts.INPUT).mkdir(mode=0o700)
                with whole_file(folder / prompts.INPUT / parameters["prompts"], "wb") as out:
                    for chunk in upload.chunks():
                        out.write(chunk)
            except OSError as error:
                raise InvalidParameters(f"The file of prompts cannot be stored: {error.strerror}.") from error
        return parameters

    def links(self, state: str, stage: str) -> Sequence[Link]:
        """The funnel once the prompts are filtered, the data page once there is a release."""
        links = [Link("job-funnel", "Prompts: what each rule left")] if stage else []
        if state == "done":
            links.append(Link("job-publish", "Publish on a data page"))
        return links

    def items(self, task: Task, stage: str) -> Iterable[NewItem]:
        """One item per image, or per generator with weights to fetch; one in the other stages."""
        with problems_told():
            if stage == self.stages[0].name:
                check_packages()
            return list(ITEMS[stage](task)) if stage in ITEMS else [NewItem(stage)]

    def run(self, batch: Batch) -> Sequence[ItemResult]:
        """Do a batch of any stage."""
        with problems_told():
            return MANY[batch.stage](batch) if batch.stage in MANY else [SINGLE[batch.stage](batch)]

    def finish_stage(self, task: Task, stage: str, done: Iterable[Finished]) -> None:
        """Tables of what the stage has made."""
        with problems_told():
            if stage in TABLES:
                TABLES[stage](task, done)


def check_packages() -> None:
    """Raises JobFailed naming what is missing on this worker: at the start, not hours later."""
    missing = [name for name in NEEDS if find_spec(name) is None]
    if missing:
        raise JobFailed(_missing(missing))


def _missing(packages: Sequence[str]) -> str:
    target = "gpu" if any(NEEDS.get(name, "gpu") == "gpu" for name in packages) else "database"
    names = " and ".join(packages)
    verb = "is" if len(packages) == 1 else "are"
    return f"{names} {verb} missing on this worker: run `make {target}` there and start it again, then try again here."


@contextlib.contextmanager
def problems_told() -> Iterator[None]:
    """What the library refuses, with its place and fix, stops the job with those words."""
    from generation.problems import InvalidInput

    try:
        yield
    except InvalidInput as error:
        raise JobFailed(str(error)) from error
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "generation", "challenge"):
            raise
        raise JobFailed(_missing([package])) from error
    except RuntimeError as error:
        if type(error).__name__ == "AcceleratorError":  # torch's; this process never imports torch itself
            raise WorkerUnusable(f"the GPU gave up: {error}") from error
        raise
