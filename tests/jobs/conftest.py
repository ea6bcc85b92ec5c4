"""Jobs of the trivial kind, and the bells that were rung for them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from challenge.accounts.models import User
from challenge.core import work
from challenge.jobs import kinds, services
from challenge.jobs.folders import remove_folder
from challenge.jobs.models import Job
from challenge.jobs.worker import work_once
from tests.factories import make_user
from tests.jobs.squares import Squares


@pytest.fixture
def squares() -> Iterator[Squares]:
    """The kind, known for the time of the test."""
    kind = Squares()
    kinds.register(kind)
    yield kind
    kinds._KINDS.pop(kind.name)


@pytest.fixture
def bells(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of jobs that a worker was called for, instead of a broker."""
    calls: list[str] = []

    def ring_bell(_task: Any, *arguments: Any) -> bool:
        calls.extend(map(str, arguments))
        return True

    monkeypatch.setattr(work, "ring_bell", ring_bell)
    return calls


@pytest.fixture
def admin(db: None) -> User:
    """Who may run jobs."""
    return make_user("root", is_staff=True, is_superuser=True)


@pytest.fixture
def start(
    squares: Squares, bells: list[str], admin: User, django_capture_on_commit_callbacks: Any
) -> Iterator[Callable[..., Job]]:
    """`start(count, **parameters)` makes a job; its folder goes with the test."""
    made: list[Job] = []

    def make(count: int = 7, **parameters: Any) -> Job:
        with django_capture_on_commit_callbacks(execute=True):
            job = services.create(kind=squares, title="", cleaned={"count": count, **parameters}, actor=admin)
        made.append(job)
        return job

    yield make
    for job in made:
        remove_folder(job.pk)


def drain(most: int = 100) -> int:
    """Work until nothing is left; how many batches that were."""
    for number in range(most):
        if not work_once():
            return number
    raise AssertionError("it does not end")
