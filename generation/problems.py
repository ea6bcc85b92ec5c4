"""Input that is refused: every problem with its place and the fix."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN = 20


class InvalidInput(ValueError):
    """Something a user gave cannot be used; `problems` are sentences that name the place and say what to change."""

    def __init__(self, *problems: str) -> None:
        self.problems: Sequence[str] = problems
        shown = list(problems[:SHOWN])
        if len(problems) > SHOWN:
            shown.append(f"... and {len(problems) - SHOWN} more")
        super().__init__("\n".join(shown))
