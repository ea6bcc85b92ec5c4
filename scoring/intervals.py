"""Placeholder until the next commit: no intervals yet."""

from __future__ import annotations

from typing import Any


def bootstrap_intervals(*_: Any, **__: Any) -> dict[str, list[float] | None]:
    """No intervals yet."""
    return {}
