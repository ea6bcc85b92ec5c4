"""One large model in a process, whichever kind of job needs it."""

from collections.abc import Iterator

import pytest

from challenge.jobs import resident


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    resident.release()
    yield
    resident.release()


def keep(log: list[str], owner: str, key: str) -> str:
    def make() -> str:
        log.append(f"make {key}")
        return key

    return resident.keep(owner, key, make, lambda value: log.append(f"close {value}"))


def test_the_same_one_stays_and_another_is_made_once_it_is_closed():
    log: list[str] = []
    assert [keep(log, "database", "a"), keep(log, "database", "a"), keep(log, "database", "b")] == ["a", "a", "b"]
    assert log == ["make a", "close a", "make b"]


def test_what_another_kind_keeps_is_closed_even_under_an_equal_key():
    log: list[str] = []
    keep(log, "database", "a")
    keep(log, "baselines", "a")
    resident.release()
    resident.release()
    assert log == ["make a", "close a", "make a", "close a"]


def test_nothing_is_kept_of_what_could_not_be_made():
    log: list[str] = []
    keep(log, "database", "a")

    def fail() -> str:
        raise MemoryError

    with pytest.raises(MemoryError):
        resident.keep("baselines", "b", fail, log.append)
    resident.release()
    assert log == ["make a", "close a"]
