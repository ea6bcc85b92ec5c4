"""A kind of job whose work is trivial: squares of numbers, in batches of three, then their sum."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from django import forms

from challenge.jobs.kinds import (
    Batch,
    Finished,
    ItemResult,
    JobKind,
    NewItem,
    PeopleNeeded,
    Stage,
    Task,
)

BATCH = 3


class SquaresForm(forms.Form):
    """How many."""

    count = forms.IntegerField(min_value=0, max_value=100)


class Squares(JobKind):
    """`before(batch)` is called at the start of each batch; tests put what they like there.

    Parameters beside count: `fail`, positions without a result; `ask`, whether the sum asks a person first.
    """

    name = "squares"
    title = "Squares"
    description = "Squares of the first numbers, and their sum."
    stages = (
        Stage("square", "Squares", unit="numbers", can_skip=True, pictures=True, limit_seconds=2.0),
        Stage("sum", "Sum", unit="sums"),
    )

    def __init__(self, before: Callable[[Batch], object] = lambda batch: None) -> None:
        self.before = before

    def form(self, data: Any = None, files: Any = None) -> forms.Form:
        return SquaresForm(data, files)

    def items(self, task: Task, stage: str) -> Iterable[NewItem]:
        if stage == "sum":
            return [NewItem("sum")]
        numbers = range(task.parameters["count"])
        return [NewItem(f"batch {n // BATCH}", "even" if n % 2 == 0 else "odd", {"n": n}) for n in numbers]

    def run(self, batch: Batch) -> Sequence[ItemResult]:
        self.before(batch)
        if batch.stage == "sum":
            if batch.task.parameters.get("ask") and not batch.went_on:
                raise PeopleNeeded("May I add?")
            squares = json.loads((batch.task.folder / "squares.json").read_text())
            return [ItemResult({"sum": sum(squares)})]
        results = []
        for item in batch.items:
            n = item.parameters["n"]
            if n in batch.task.parameters.get("fail", ()):
                results.append(ItemResult(problem=f"{n} has no square today"))
                continue
            with (batch.task.folder / f"{n}.txt").open("a") as out:
                out.write(f"{n * n}\n")
            results.append(ItemResult({"square": n * n}))
        return results

    def finish_stage(self, task: Task, stage: str, done: Iterable[Finished]) -> None:
        if stage == "square":
            squares = [one.result["square"] for one in done]
            (task.folder / "squares.json").write_text(json.dumps(squares))


def raising(error: BaseException, *, times: int = 1) -> Callable[[Batch], None]:
    """A `before` that raises the first `times`."""
    left = [times]

    def before(_batch: Batch) -> None:
        if left[0]:
            left[0] -= 1
            raise error

    return before


def lines(folder: Path) -> int:
    """How many squares were ever written: each `n.txt` grows by a line whenever it is made."""
    return sum(len(path.read_text().splitlines()) for path in folder.glob("*.txt"))
