"""Progress bars of the command line, on standard error where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def progress(items: Iterable[T], *, total: int | None, unit: str, label: str, done: int = 0) -> Iterator[T]:
    """The items again, with a bar while they are taken; `done` of `total` were finished by an earlier run."""
    from tqdm import tqdm

    yield from tqdm(
        items, total=total, initial=done, unit=f" {unit}", desc=label, file=sys.stderr, disable=not sys.stderr.isatty()
    )
