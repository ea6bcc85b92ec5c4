"""The stages after the prompts, each a function of a batch: what it writes into the job's folder is the library's."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from challenge.jobs import resident
from challenge.jobs.database.prompts import FUNNEL, KEPT
from challenge.jobs.kinds import Batch, Finished, Item, ItemResult, JobFailed, NewItem, Task

if TYPE_CHECKING:
    from generation.catalogue.models import Catalogue
    from generation.render import ImageRequest

PLAN, PLAN_REPORT, IMAGES, TABLE = "plan.csv", "plan_report.md", "images", "images.csv"
ATTRIBUTES, SPLITS, LEAKAGE, CARD, RELEASE = "attributes.csv", "splits.csv", "leakage.json", "card.yaml", "release"
RELEASE_LOG, WEIGHTS_LOG = "release.log", "weights.log"
MEASURED_AT_ONCE = 32
FEW = 500  # images; for fewer, starting processes costs more than they save


# --- plan -------------------------------------------------------------------------------------------------------------
def catalogue_of(names: Sequence[str]) -> Catalogue:
    """The chosen generators, as a catalogue with the guarantee of those that promise least."""
    from generation.catalogue.models import DEMO, PAPER, Catalogue, read_catalogue

    files = [read_catalogue(path) for path in (PAPER, DEMO)]
    chosen = [(model, file.all_default) for file in files for model in file.models if model.name in names]
    return Catalogue(tuple(model for model, _ in chosen), min(least for _, least in chosen))


def plan_them(batch: Batch) -> ItemResult:
    """One row per image: generator, steps, CFG, size, seed, prompt."""
    from generation.plan.deck import read_prompts
    from generation.plan.plan import make_plan, write_plan
    from generation.plan.report import plan_report, write_report

    task = batch.task
    plan = make_plan(
        catalogue_of(task.parameters["generators"]),
        images=task.parameters["images"],
        policy=task.parameters["policy"],
        seed=task.parameters["seed"],
        prompts=read_prompts(task.folder / KEPT),
    )
    write_plan(plan, task.folder / PLAN)
    write_report(plan_report(plan), task.folder / PLAN_REPORT)
    return ItemResult({"plan_id": plan.plan_id, "images": len(plan.images)})


# --- weights ----------------------------------------------------------------------------------------------------------
def weights_folder() -> Path:
    """Where all weights are: WEIGHTS_DIR, by default `weights` below STATE_DIR."""
    return Path(settings.WEIGHTS_DIR or Path(settings.STATE_DIR) / "weights")


def weights_items(task: Task) -> Iterable[NewItem]:
    """One item per generator with weights to fetch, if that is wanted. One batch: all note their files in one list."""
    from generation.catalogue.models import read_generators
    from generation.render.weights import parts_of

    if not task.parameters["fetch"]:
        return []
    entries, names = read_generators(), task.parameters["generators"]
    return [NewItem("weights", name, {"name": name}) for name in names if parts_of(entries, [name])]


def fetch_them(batch: Batch) -> list[ItemResult]:
    """Fetch weights whose licences were accepted with the job, by the command, in a process of its own: in this one the
    libraries may have been told to stay offline."""
    names = [item.parameters["name"] for item in batch.items]
    command = [sys.executable, "-m", "generation", "weights", "fetch", *names, "--accept-licences"]
    with (batch.task.folder / WEIGHTS_LOG).open("w", encoding="utf-8") as log:
        done = subprocess.run(  # noqa: S603  names of the catalogue, which the form has checked
            [*command, "--weights", str(weights_folder())],
            cwd=settings.BASE_DIR,
            stdout=log,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    if done.returncode == 1:
        raise JobFailed(done.stderr.strip())
    if done.returncode:
        raise RuntimeError(f"weights could not be fetched: {done.stderr.strip()[-300:]}")
    return [ItemResult() for _ in names]


# --- images -----------------------------------------------------------------------------------------------------------
def image_items(task: Task) -> Iterable[NewItem]:
    """One item per row of the plan, in batches that one call of a pipeline draws."""
    from generation.catalogue.models import read_generators
    from generation.catalogue.sources import Diffusers
    from generation.render import batches, check_requests, read_requests

    entries = read_generators()
    requests = read_requests(task.folder / PLAN)
    check_requests(requests, entries)
    number = 0
    for generator in dict.fromkeys(request.generator for request in requests):
        source = entries[generator].source
        size = task.parameters["batch_size"] or (source.max_batch if isinstance(source, Diffusers) else 1)
        for batch in batches([request for request in requests if request.generator == generator], size):
            number += 1
            for request in batch:
                cost = (request.steps or 40) * request.width * request.height / 1e6
                yield NewItem(f"batch {number}", generator, dataclasses.asdict(request), cost)


def _renderer_for(task: Task) -> Any:
    """The process's renderer, made anew when a job wants another device or precision."""
    from generation.catalogue.models import read_generators
    from generation.render import Renderer

    wanted = (weights_folder(), task.parameters["device"], task.parameters["dtype"] or None)
    return resident.keep("database", wanted, lambda: Renderer(read_generators(), *wanted), Renderer.close)


def render_them(batch: Batch) -> list[ItemResult]:
    """Draw a batch as a whole, so that it comes out as it would have the first time.

    Only when every image of it is there already, from a worker that was killed before it could say so, nothing is.
    """
    from generation.render import finished

    folder = batch.task.folder / IMAGES
    requests = [request_of(item) for item in batch.items]
    records = [finished(request, folder) for request in requests]
    if None in records:
        records = _renderer_for(batch.task).render(requests, folder)
    return [_drawn(record) for record in records]


def request_of(item: Item | Finished) -> ImageRequest:
    """The request that an item was made from."""
    from generation.render import ImageRequest

    return ImageRequest(**item.parameters)


def _drawn(record: Any) -> ItemResult:
    if record.status != "done":
        return ItemResult(problem=record.problem or record.status)
    columns = ("sha256", "bytes", "seconds", "attempts", "seed_used")
    kept = {name: record.provenance.get(name) for name in ("batch", "device", "dtype", "torch", "diffusers")}
    return ItemResult({"image": f"{IMAGES}/{record.name}", **{name: getattr(record, name) for name in columns}, **kept})


def write_table(task: Task, done: Iterable[Finished]) -> None:
    """The images there are: name, prompt, model."""
    from generation.files import whole_file

    with whole_file(task.folder / TABLE) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("name", "prompt", "model"))
        writer.writerows((one.parameters["name"], one.parameters["prompt"], one.group) for one in done)


# --- attributes -------------------------------------------------------------------------------------------------------
def attribute_items(task: Task) -> Iterable[NewItem]:
    """One item per image there is."""
    from generation.tables import read_table

    rows = read_table(task.folder / TABLE, ("name", "model")).rows
    for number, row in enumerate(rows):
        yield NewItem(f"batch {number // MEASURED_AT_ONCE + 1}", row["model"], {"name": row["name"]})


def measure_them(batch: Batch) -> list[ItemResult]:
    """Light, contrast, colour, blur, SI."""
    from generation.attributes import COLUMNS
    from generation.attributes.collect import measure_file
    from generation.images import ImageFile

    results = []
    for item in batch.items:
        name = item.parameters["name"]
        row = measure_file((ImageFile(name, batch.task.folder / IMAGES / name), None))
        results.append(
            ItemResult(problem=row) if isinstance(row, str) else ItemResult(dict(zip(COLUMNS, row, strict=True)))
        )
    return results


def write_attributes(task: Task, done: Iterable[Finished]) -> None:
    """The table of `python -m generation attributes`."""
    from generation.attributes import COLUMNS
    from generation.fields import write_csv
    from generation.files import whole_file

    with whole_file(task.folder / ATTRIBUTES) as stream:
        write_csv(stream, COLUMNS, [tuple(one.result[name] for name in COLUMNS) for one in done])


# --- split and release ------------------------------------------------------------------------------------------------
def split_them(batch: Batch) -> ItemResult:
    """Training, validation and test images, similar prompts together; sentences about shapes, all alike, at random."""
    from generation.files import whole_file
    from generation.split.command import divide, read_images, split_report, write_split
    from generation.split.leakage import group_prompts

    task = batch.task
    images = read_images([str(task.folder / TABLE)])
    prompts = group_prompts(images.prompts)
    train, validation, test = map(int, task.parameters["ratio"].split(":"))
    ratio = (train, validation, test)
    method = "grouped" if task.parameters["prompts"] else "random"
    sets = divide(images, prompts, method, ratio, task.parameters["seed"])
    write_split(task.folder / SPLITS, images, prompts, sets)
    report = split_report(prompts, sets, ratio)
    with whole_file(task.folder / LEAKAGE) as stream:
        json.dump(report, stream, indent=2, ensure_ascii=False)
        stream.write("\n")
    return ItemResult({name: sets.count(name) for name in dict.fromkeys(sets)})


def release_them(batch: Batch) -> ItemResult:
    """The folder to publish, by the command that makes it; an interrupted one goes on."""
    import yaml

    from generation.cli import run_command
    from generation.files import whole_file
    from generation.parallel import cores

    task, folder = batch.task, batch.task.folder
    with whole_file(folder / CARD) as stream:
        yaml.safe_dump({"title": task.title, "version": "1.0.0", "license": task.parameters["licence"]}, stream)
    files = {"images": IMAGES, "table": TABLE, "splits": SPLITS, "attributes": ATTRIBUTES, "plan": PLAN}
    files |= {"prompts": KEPT, "funnel": FUNNEL, "card": CARD, "out": RELEASE}
    arguments = [text for option, name in files.items() for text in (f"--{option}", str(folder / name))]
    workers = 1 if task.parameters["images"] < FEW else cores()
    arguments += ["--formats", ",".join(task.parameters["formats"]), "--workers", str(workers)]
    with (folder / RELEASE_LOG).open("w", encoding="utf-8") as log, contextlib.redirect_stdout(log):
        run_command("release", arguments)
    sizes = [path.stat().st_size for path in (folder / RELEASE).rglob("*") if path.is_file()]
    return ItemResult({"files": len(sizes), "bytes": sum(sizes)})
