"""Images to draw: read from a plan, checked against the catalogue, put into batches that one call can draw."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from generation.catalogue.models import Generators, Model
from generation.catalogue.sources import Diffusers
from generation.fields import finite
from generation.problems import InvalidInput
from generation.tables import Table, read_table

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.png")
_COLUMNS = ("name", "model", "prompt", "iterations", "cfg", "width", "height", "seed")


@dataclass(frozen=True)
class ImageRequest:
    """One image. `name` is that of its file, `generator` that of an entry of the catalogue.

    `steps` and `cfg` are None where the library's own defaults are wanted; sizes are in pixels; `seed` is below 2**32,
    since torch ignores higher bits.
    """

    name: str
    prompt: str
    generator: str
    steps: int | None
    cfg: float | None
    width: int
    height: int
    seed: int

    @property
    def key(self) -> tuple[str, int | None, float | None, int, int]:
        """What must be equal in a batch: one call of a pipeline has one scheduler, number of steps, CFG and size."""
        return (self.generator, self.steps, self.cfg, self.width, self.height)


def batches(requests: Sequence[ImageRequest], batch_size: int) -> list[tuple[ImageRequest, ...]]:
    """The requests in batches of equal keys and at most `batch_size`.

    Generators come one after the other, in the order in which they first occur, so that a run loads each model once;
    within a generator keys and requests keep their order. Scheduler and dtype belong to the generator and the run.
    """
    if batch_size < 1:
        raise ValueError(f"a batch has 1 image or more, not {batch_size}")
    generators: dict[str, dict[tuple[object, ...], list[ImageRequest]]] = {}
    for request in requests:
        generators.setdefault(request.generator, {}).setdefault(request.key, []).append(request)
    return [
        tuple(equal[start : start + batch_size])
        for keys in generators.values()
        for equal in keys.values()
        for start in range(0, len(equal), batch_size)
    ]


def check_requests(requests: Sequence[ImageRequest], entries: Generators) -> None:
    """Raises InvalidInput naming every request that cannot be drawn: unknown or import-only generators, impossible
    steps, CFG, sizes and seeds, names that are none for a PNG file or are there twice."""
    problems = [f"{request.name}: {fault}" for request in requests for fault in _faults(request, entries)]
    names: set[str] = set()
    for request in requests:
        if request.name.casefold() in names:
            problems.append(f"{request.name}: the name is there twice; upper and lower case count as the same")
        names.add(request.name.casefold())
    if problems:
        raise InvalidInput(*problems)


def _faults(request: ImageRequest, entries: Generators) -> Iterator[str]:
    if not NAME.fullmatch(request.name):
        yield "the name must end in .png and have letters, digits, `.`, `_`, `-` only"
    if not request.prompt.strip():
        yield "the prompt is empty; plan with --prompts"
    if request.steps is not None and request.steps < 1:
        yield f"steps must be 1 or more, not {request.steps}"
    if request.cfg is not None and request.cfg < 0:
        yield f"cfg must be 0 or more, not {request.cfg:g}"
    if not 0 <= request.seed < 2**32:
        yield f"the seed must be from 0 to 2**32 - 1, not {request.seed}"
    entry = entries.get(request.generator)
    if entry is None:
        yield f"the generator {request.generator!r} is not in the catalogue; it has: {', '.join(entries)}"
    elif not isinstance(entry.source, Diffusers):
        yield (
            f"{request.generator} cannot be drawn here"
            + (": its catalogue entry has no source" if entry.source is None else "")
            + "; bring its images with `python -m generation import`"
        )
    else:
        yield from _size_faults(request, entry, entry.source)


def _size_faults(request: ImageRequest, entry: Model, source: Diffusers) -> Iterator[str]:
    for side, pixels in (("width", request.width), ("height", request.height)):
        if pixels < 1 or pixels % entry.quantum:
            yield f"the {side} {pixels} is not a multiple of {entry.quantum}, as {entry.name} needs it"
        elif pixels % source.scale:
            yield f"the {side} {pixels} is not a multiple of {source.scale}, the scale of {entry.name}'s stages"


def read_requests(plan: Path) -> list[ImageRequest]:
    """The rows of a plan (`python -m generation plan`) as requests, in its order.

    Raises OSError, and InvalidInput naming every row with a field that is not what it should be.
    """
    table = read_table(plan, _COLUMNS)
    names = table.unique("name")
    generators, prompts = table.filled("model"), table.filled("prompt")
    problems: list[str] = []
    requests = [
        ImageRequest(
            name=name,
            prompt=prompts[i],
            generator=generators[i],
            steps=_whole(table, i, "iterations", problems, optional=True),
            cfg=_number(table, i, "cfg", problems),
            width=_whole(table, i, "width", problems) or 0,
            height=_whole(table, i, "height", problems) or 0,
            seed=_whole(table, i, "seed", problems) or 0,
        )
        for i, name in enumerate(names)
    ]
    if problems:
        raise InvalidInput(*problems)
    return requests


def _whole(table: Table, row: int, column: str, problems: list[str], *, optional: bool = False) -> int | None:
    text = table.rows[row][column].strip()
    if optional and not text:
        return None
    if text.isascii() and text.isdecimal():
        return int(text)
    problems.append(f"{table.place(row)}: {column} is {text!r}, not a whole number")
    return None


def _number(table: Table, row: int, column: str, problems: list[str]) -> float | None:
    text = table.rows[row][column].strip()
    if not text:
        return None
    value = finite(text)
    if value is None:
        problems.append(f"{table.place(row)}: {column} is {text!r}, not a number")
    return value
