"""Database jobs in every state, and one that fine-tunes, made without a worker: for the pages and the routes."""

import csv
import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

from django.utils import timezone

from challenge.jobs.folders import make_folder
from challenge.jobs.kinds import kind_of
from challenge.jobs.models import Doubt, Job, JobEvent, JobItem

PROMPTS = ("a small red circle on the left, blue background", "a large black square in the center, green background")
IMAGES = 12
DROPPED = [
    ("p0000003", "merged", "nearly the same prompt", "p0000001", "93.1034", "", "a small red circle on the left"),
    ("p0000004", "words", "listed word (sexual)", "", "", "naked", "a naked square"),
]
PARAMETERS = {
    "generators": ["toy", "SD1.5"],
    "images": IMAGES,
    "prompts": "prompts.tsv",
    "judge": "lexicon",
    "ask_people": True,
    "seed": 0,
    "formats": ["parquet", "webdataset"],
    "accepted_licences": [["CreativeML OpenRAIL-M", "https://example.org/licence"]],
}


def write_release(folder: Path) -> None:
    """A small release: a public file, some of a hidden split, and a single image."""
    contents = {
        "README.md": b"# Hello",
        "data/test-00000-of-00001.parquet": b"PAR1",
        "imagefolder/test/a.png": b"png",
        "info_test.csv": b"name,mos\na.png,\n",
    }
    lines = []
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
    (folder / "SHA256SUMS").write_text("".join(lines))


def write_funnel(folder: Path) -> None:
    """What the stage of prompts leaves."""
    left = {"input": 40, "exact": 38, "merged": 35, "cleaned": 35, "words": 34, "judged": 30, "selected": IMAGES}
    dropped = {"merged": {"nearly the same prompt": 1}, "words": {"listed word (sexual)": 1}}
    (folder / "funnel.json").write_text(json.dumps({**left, "dropped": dropped}))
    (folder / "funnel.md").write_text("# Prompts: what each rule left\n")
    with (folder / "dropped.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("id", "rule", "reason", "merged_into", "similarity", "detail", "prompt"))
        writer.writerows(DROPPED)


def make_job(actor: Any, state: str, stage: str = "release", **columns: Any) -> Job:
    """A job with items up to `stage`, a log, its folder, and what is special about its state."""
    now = timezone.now()
    over = now if state in ("done", "cancelled", "failed") else None
    job = Job.objects.create(
        kind="database",
        title=f"Shapes, {state}",
        parameters=PARAMETERS,
        state=state,
        stage=stage,
        created_by=actor,
        started_at=now - datetime.timedelta(minutes=4),
        finished_at=over,
        next_ring_at=now + datetime.timedelta(days=1),
        **columns,
    )
    JobEvent.objects.create(job=job, from_state="", to_state="waiting", actor=actor, text="started")
    began = now - datetime.timedelta(minutes=2)
    JobEvent.objects.create(job=job, from_state="waiting", to_state="running", text="a worker began", at=began)
    folder = make_folder(job.pk)
    write_funnel(folder)
    if state == "done":
        write_release(folder / "release")
    kind = kind_of("database")
    assert kind is not None
    names = [found.name for found in kind.stages]
    for name in names[: names.index(stage) + 1]:
        _items(job, name, folder, is_now=name == stage and state != "done")
    if state == "paused":
        _doubts(job, actor)
    return job


def _items(job: Job, stage: str, folder: Path, *, is_now: bool) -> None:
    count = IMAGES if stage in ("images", "attributes") else 0 if stage == "weights" else 1
    now = timezone.now()
    items = []
    for n in range(count):
        group = ("toy", "SD1.5")[n % 2] if count > 1 else ""
        item = JobItem(job=job, stage=stage, position=n, key=f"batch {n // 4 + 1}", group=group, state="done")
        item.parameters = {"name": f"toy_{n:04d}.png", "prompt": PROMPTS[n % 2]} if count > 1 else {}
        item.finished_at = now - datetime.timedelta(seconds=100 - 8 * n)
        if is_now and n >= count - 4:
            item.state, item.finished_at = "waiting", None
        elif is_now and n == 3:
            item.state, item.problem = (
                "failed",
                "black: the safety checker of the repository found fault with each draw",
            )
        elif stage == "images":
            image = f"images/{item.parameters['name']}"
            _paint(folder / image, n)
            item.result = {"image": image, "sha256": hashlib.sha256(str(n).encode()).hexdigest()}
        items.append(item)
    JobItem.objects.bulk_create(items)


def _paint(path: Path, number: int) -> None:
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    size = ((64, 64), (64, 36), (36, 64))[number % 3]
    Image.new("RGB", size, (40 + 8 * number, 90, 220 - 8 * number)).save(path)


def _doubts(job: Job, actor: Any) -> None:
    texts = (
        "a dancer in a bikini on a stone beach",
        "portrait of a seductive spy in the rain, " + "very detailed, " * 12,
    )
    for n, text in enumerate((*texts, "two lewd gnomes")):
        decided = {"decision": "block", "decided_by": actor, "decided_at": timezone.now()} if n == 2 else {}
        digest = hashlib.sha256(text.encode()).hexdigest()
        reasons = {"category": "sexual", "reason": "bikini", "judge": "lexicon"}
        Doubt.objects.create(job=job, prompt=text, prompt_sha256=digest, **reasons, **decided)


def make_fine_tuning(actor: Any) -> Job:
    """A finished job of three repeats, as it is once it has trained and submitted nothing."""
    now = timezone.now()
    parameters = {"metric": "dbcnn", "scope": "head", "phase": "", "repeats": 3, "epochs": 100}
    times = {"started_at": now - datetime.timedelta(hours=2), "finished_at": now}
    columns = {"kind": "finetune", "title": "DBCNN on the training images", "stage": "submit", "state": "done"}
    job = Job.objects.create(**columns, parameters=parameters, created_by=actor, **times)
    figures = [
        {"epochs": 100, "best_epoch": 80 + seed, "srocc": 0.81 + seed / 100, "krocc": 0.62, "plcc": 0.83}
        for seed in range(3)
    ]
    mean = {"srocc": {"mean": 0.82, "sd": 0.01}, "krocc": {"mean": 0.62, "sd": 0.0}, "plcc": {"mean": 0.83, "sd": 0.0}}
    of = {"job": job, "state": "done", "finished_at": now}
    for seed, result in enumerate(figures):
        told = {"name": f"repeat {seed}", "seed": seed}
        key = f"repeat {seed}"
        JobItem.objects.create(**of, stage="repeats", position=seed, key=key, parameters=told, result=result)
    JobItem.objects.create(**of, stage="aggregate", position=0, key="aggregate", result=mean)
    return job
