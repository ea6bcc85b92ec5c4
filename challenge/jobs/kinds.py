"""What a kind of job is: its form, its stages, the items of a stage, and how a batch of them is done.

A kind decides nothing about rows, leases or states, and may be called twice for anything at any time: whatever it
writes to the job's folder is written whole, and the same again is the same bytes. `register` makes it known by name.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from django import forms


class JobFailed(Exception):
    """The job cannot go on before somebody mends something; the text says what, for people. No attempt is used up."""


class WorkerUnusable(Exception):
    """This process can do nothing more, such as one whose GPU has failed: the batch is tried again, by another."""


class PeopleNeeded(Exception):
    """A person has to decide something first; the text says what. The job is paused and the batch is done again after
    it was resumed. `before` is called in the transaction that pauses it."""

    def __init__(self, text: str, before: Callable[[], object] = lambda: None) -> None:
        super().__init__(text)
        self.before = before


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage. `unit` is what its items are called. `can_skip`: the job may go on without items that failed.
    `pictures`: its results name an image, as path below the job's folder in `image`, and its `sha256`.

    A batch that takes longer than `limit_seconds` hangs: its worker is ended and somebody else takes it.
    """

    name: str
    title: str
    unit: str = "images"
    can_skip: bool = False
    pictures: bool = False
    limit_seconds: float = 900.0


@dataclasses.dataclass(frozen=True)
class Task:
    """The job as its kind sees it: `parameters` as its form made them, `folder` for its files, which is there."""

    id: str
    title: str
    parameters: Mapping[str, Any]
    folder: Path


@dataclasses.dataclass(frozen=True)
class NewItem:
    """One item to be. Items of a stage with one `key` (at most 120 characters) are one batch; `group` is what bars on
    the page are of, such as the generator; `cost` is how much work it is compared with the others."""

    key: str
    group: str = ""
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    cost: float = 1.0


@dataclasses.dataclass(frozen=True)
class Item:
    """An item as a worker gets it; `attempt` counts from 1."""

    position: int
    key: str
    group: str
    parameters: Mapping[str, Any]
    attempt: int


@dataclasses.dataclass(frozen=True)
class Batch:
    """What a worker has in hand: items with one key, in order. `went_on`: a person had the job go on after it was
    paused for this batch (PeopleNeeded), so it is not to ask again."""

    task: Task
    stage: str
    items: tuple[Item, ...]
    went_on: bool = False


@dataclasses.dataclass(frozen=True)
class ItemResult:
    """What came of an item: JSON values, or the problem for which there is nothing.

    `goes_on`: this was a slice of something long; `result` says how far it is, and the item is called again for more
    after whatever is more urgent, as its first attempt.
    """

    result: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    problem: str = ""
    goes_on: bool = False


@dataclasses.dataclass(frozen=True)
class Finished:
    """A finished item of a stage, for what comes after it."""

    position: int
    group: str
    parameters: Mapping[str, Any]
    result: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Link:
    """A further page of a job: the name of its route, which takes the job's id, and what it is called."""

    route: str
    text: str


class JobKind(ABC):
    """One kind of job. `priority` above 0 is for what takes minutes: it goes before what takes hours."""

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    stages: ClassVar[tuple[Stage, ...]]
    priority: ClassVar[int] = 0
    offered: ClassVar[bool] = True  # whether the page for new jobs offers it; else another page starts it
    groups: ClassVar[str] = "generator"  # what the groups of its items are

    @abstractmethod
    def form(self, data: Any = None, files: Any = None) -> forms.Form:
        """The form of its parameters."""

    def parameters(self, cleaned: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """JSON parameters of what the form holds; files of it are stored in `folder`. Raises InvalidParameters."""
        return dict(cleaned)

    def links(self, state: str, stage: str) -> Sequence[Link]:
        """Further pages of a job in that state and stage."""
        return ()

    @abstractmethod
    def items(self, task: Task, stage: str) -> Iterable[NewItem]:
        """The items of a stage, in the order in which they are done; the same again for the same job."""

    @abstractmethod
    def run(self, batch: Batch) -> Sequence[ItemResult]:
        """Do a batch; one result per item, in order.

        Raises JobFailed, PeopleNeeded; anything else is tried again, a few times.
        """

    @abstractmethod
    def finish_stage(self, task: Task, stage: str, done: Iterable[Finished]) -> None:
        """Called when all items of a stage are finished, before the next begins. Short, and the same twice."""


class InvalidParameters(Exception):
    """What the form holds makes no job; `problems` are sentences for people."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


_KINDS: dict[str, JobKind] = {}


def register(kind: JobKind) -> None:
    """Make a kind known by its name; the last one of a name counts."""
    _KINDS[kind.name] = kind


def kinds() -> list[JobKind]:
    """All kinds, by title."""
    return sorted(_KINDS.values(), key=lambda kind: kind.title)


def kind_of(name: str) -> JobKind | None:
    """The kind of that name; None where this version knows none (any more)."""
    return _KINDS.get(name)


def stage_of(kind: JobKind, name: str) -> Stage | None:
    """The stage of that name; None before the first, or where the kind has none of that name (any more)."""
    return next((stage for stage in kind.stages if stage.name == name), None)


def next_stage(kind: JobKind, name: str) -> Stage | None:
    """The stage after `name`, the first for ""; None after the last."""
    names = ["", *(stage.name for stage in kind.stages)]
    place = names.index(name)
    return kind.stages[place] if place < len(kind.stages) else None
