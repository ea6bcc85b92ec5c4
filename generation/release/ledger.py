"""What an interrupted release has done already: a file of JSON lines beside the release folder, never in it.

A note says what was found or written for a key and the recipe it is good for: a digest of everything that goes in. It
is believed only when the recipe is the same. Notes hold digests and sizes, no opinion. The file may end in a cut line.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any


class Ledger:
    """Notes by key; the last note for a key counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._notes: dict[str, dict[str, Any]] = {}
        content = path.read_text("utf-8", "replace") if path.exists() else ""
        for line in content.splitlines():
            try:
                note = json.loads(line)
                self._notes[note["key"]] = note
            except (ValueError, KeyError, TypeError):
                continue
        if content and not content.endswith("\n"):
            self._append("\n")

    def find(self, key: str, recipe: str) -> Any:
        """What was noted for the key, if the recipe is still that of the note; else None."""
        note = self._notes.get(key, {})
        return note.get("found") if note.get("recipe") == recipe else None

    def note(self, key: str, recipe: str, found: Any) -> None:
        """Add a note; it is in the file when this returns."""
        self._notes[key] = {"key": key, "recipe": recipe, "found": found}
        self._append(json.dumps(self._notes[key]) + "\n")

    def _append(self, text: str) -> None:
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(text)


def recipe(*parts: Any) -> str:
    """A digest of what goes in; parts are anything JSON can hold."""
    return sha256(json.dumps(parts, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
