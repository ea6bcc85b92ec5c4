"""A key whose MOS differ, and rescorings that the code of a worker has done."""

from typing import Any

import pytest

from challenge.rescorings.models import Rescoring
from challenge.rescorings.rescoring_run import rescore
from challenge.rescorings.services import start
from tests.factories import World, answer_key_csv, new_answer_key


def corrected_key() -> bytes:
    """The usual names with the MOS of the first twenty images turned round."""
    lines = answer_key_csv().decode().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    turned = [row[1] for row in rows[:20]][::-1] + [row[1] for row in rows[20:]]
    return "\n".join([lines[0], *(f"{row[0]},{mos},{row[2]}" for row, mos in zip(rows, turned, strict=True))]).encode()


def begin(world: World, **changes: Any) -> Rescoring:
    """A rescoring of the development phase with a corrected key, waiting for a worker."""
    phase = changes.get("phase", world.development)
    key = changes.get("answer_key") or new_answer_key(phase, corrected_key())
    values = {"phase": phase, "formula": phase.formula, "reason": "MOS were mixed up", **changes, "answer_key": key}
    return start(actor=world.organiser, **values)


def finished(world: World, **changes: Any) -> Rescoring:
    """The same, done."""
    rescoring = begin(world, **changes)
    while rescoring.state == "waiting":  # a slice at a time
        rescore(rescoring.pk)
        rescoring.refresh_from_db()
    assert rescoring.state == "done"
    return rescoring


@pytest.fixture
def bells(monkeypatch) -> list[tuple[str, str]]:
    """(task name, argument) of every call for a worker, instead of a broker."""
    from challenge.core import work

    calls: list[tuple[str, str]] = []

    def ring_bell(task: Any, pk: Any) -> bool:
        calls.append((task.name, str(pk)))
        return True

    monkeypatch.setattr(work, "ring_bell", ring_bell)
    return calls
