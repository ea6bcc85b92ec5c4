"""Scoring the images of a phase with a metric and submitting that, for every kind of job that does so."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec

from challenge.contests.models import Phase
from challenge.jobs import resident
from challenge.jobs.baselines.offers import weights_folder
from challenge.jobs.baselines.results import BROKEN, read_listing, read_rows, write_rows
from challenge.jobs.baselines.submitting import submit
from challenge.jobs.kinds import Item, ItemResult, JobFailed, NewItem, Task
from scoring.baselines.images import InvalidImages
from scoring.baselines.metric import MetricUnavailable
from scoring.baselines.registry import MetricInfo
from scoring.baselines.run import Scored, release_metric, run_chunk


def score_items(task: Task, metrics: Sequence[str]) -> list[NewItem]:
    """Chunks, all of one metric (the group) before the next, so that each is loaded once."""
    sizes = [len(chunk) for chunk in read_listing(task.folder).chunks]
    return [
        NewItem(f"{metric} {number}", metric, {"name": f"{metric}, chunk {number + 1}", "chunk": number}, size)
        for metric in metrics
        for number, size in enumerate(sizes)
    ]


def submit_items(metrics: Iterable[str]) -> list[NewItem]:
    """One per metric, which is its key."""
    return [NewItem(metric, "", {"name": metric}) for metric in metrics]


def score_chunk(task: Task, info: MetricInfo, item: Item) -> ItemResult:
    """One chunk. Whoever ends a metric's last one submits it, unless something is broken: then people decide first."""
    listing, number = read_listing(task.folder), int(item.parameters["chunk"])
    # The library keeps the metric itself, and changes it; here is only noted that there is one.
    resident.keep("baselines", None, lambda: None, lambda _: release_metric())
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


def submit_metric(task: Task, info: MetricInfo) -> ItemResult:
    """Submit a metric, if that was not done when its last chunk was; one with chunks left out is not."""
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


def check_packages(needed: set[str]) -> None:
    """Raises JobFailed naming the packages that this worker lacks."""
    if missing := sorted(name for name in needed if find_spec(name) is None):
        raise JobFailed(
            f"{' and '.join(missing)} missing on this worker: run `make gpu` there, start it again, then try again."
        )


@contextlib.contextmanager
def problems_told() -> Iterator[None]:
    """What the library cannot do stops the job with the library's words."""
    try:
        yield
    except (MetricUnavailable, InvalidImages) as error:
        raise JobFailed(str(error)) from error
