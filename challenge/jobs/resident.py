"""The one large model that a worker process keeps between batches, whichever kind of job needs it.

A GPU that holds an image generator has no room for a metric beside it: what one kind keeps is closed before another
kind, or another model of the same kind, takes its place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class _Kept:
    owner: str
    key: object
    value: Any
    close: Callable[[Any], object]


_kept: _Kept | None = None


def keep(owner: str, key: object, make: Callable[[], T], close: Callable[[T], object]) -> T:
    """What `make` gives, made anew unless it is the one kept already for the owner (a kind of job) with an equal key.

    `close(value)` gives its memory back, once, when something else is kept or `release` is called.
    """
    global _kept  # noqa: PLW0603  a process has one
    if _kept is None or (_kept.owner, _kept.key) != (owner, key):
        release()  # before the next is made: two may not fit
        _kept = _Kept(owner, key, make(), close)
    value: T = _kept.value
    return value


def release() -> None:
    """Close what is kept, if anything is."""
    global _kept
    before, _kept = _kept, None
    if before is not None:
        before.close(before.value)
