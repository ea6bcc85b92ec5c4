"""Verdicts kept on disk, so that a run that was interrupted goes on where it stopped and a second one asks nothing."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

from generation.problems import InvalidInput
from generation.prompts.judges import Verdict

_TABLE = """CREATE TABLE IF NOT EXISTS verdict
    (key TEXT PRIMARY KEY, label TEXT NOT NULL, category TEXT NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID"""


class VerdictCache:
    """A SQLite file of verdicts by SHA-256 of policy, judge and prompt; prompts themselves are not in it. Each `put` is
    on disk when it returns."""

    def __init__(self, path: Path, *, judge: str, policy: str) -> None:
        self._judge, self._policy = judge, policy
        try:
            self._connection = sqlite3.connect(path)
            self._connection.execute(_TABLE)
        except sqlite3.Error as error:
            raise InvalidInput(
                f"{path}: cannot be used as cache of verdicts ({error}); name another with --cache"
            ) from None

    def __enter__(self) -> VerdictCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def get(self, prompts: Iterable[str]) -> dict[str, Verdict]:
        """The known verdicts among these prompts."""
        known = {}
        for prompt in prompts:
            row = self._connection.execute(
                "SELECT label, category, reason FROM verdict WHERE key = ?", (self._key(prompt),)
            ).fetchone()
            if row is not None:
                label, category, reason = row
                known[prompt] = Verdict(label, category, reason, self._judge, self._policy)
        return known

    def put(self, verdicts: Mapping[str, Verdict]) -> None:
        """Keep the verdicts of these prompts."""
        rows = [(self._key(prompt), v.label, v.category, v.reason) for prompt, v in verdicts.items()]
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO verdict VALUES (?, ?, ?, ?)", rows)

    def _key(self, prompt: str) -> str:
        return hashlib.sha256("\0".join((self._policy, self._judge, prompt)).encode()).hexdigest()
