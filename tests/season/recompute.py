"""Every number once more, from the files as they were sent and the answer key, by `python -m scoring`."""

import contextlib
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scoring.cli import main


class Recomputation:
    """Runs the command line in this process, once for each file and key; `folder` takes the files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._evaluated: dict[tuple[bytes, bytes], dict[str, Any]] = {}

    def evaluate(self, predictions: bytes, key: bytes) -> dict[str, Any]:
        """What `evaluate --criteria --json` prints."""
        if (predictions, key) not in self._evaluated:
            self._evaluated[predictions, key] = self._run(*self._evaluating(predictions, key))
        return self._evaluated[predictions, key]

    def in_a_process_of_its_own(self, predictions: bytes, key: bytes) -> dict[str, Any]:
        """The same, the way a participant runs it."""
        command = [sys.executable, "-m", "scoring", *self._evaluating(predictions, key)]
        found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return found

    def compare(self, files: Mapping[str, bytes], key: bytes) -> dict[str, dict[str, Any]]:
        """The rows of what `compare --json` prints, by the names of `files`."""
        folder = self._folder / "compared"
        folder.mkdir(exist_ok=True)
        paths = [folder / f"{name}.csv" for name in files]
        for path, content in zip(paths, files.values(), strict=True):
            path.write_bytes(content)
        found = self._run("compare", "--key", self._file(key), *map(str, paths), "--json")
        return {row["name"]: row for row in found["table"]}

    def verify(self, receipt: Any, keys: str, predictions: bytes) -> dict[str, Any]:
        """What `verify-receipt --json` prints for a receipt of the file `predictions`."""
        paths = (self._file(content, "json") for content in (json.dumps(receipt).encode(), keys.encode()))
        shown, public = paths
        return self._run("verify-receipt", shown, "--key", public, "--file", self._file(predictions), "--json")

    def _evaluating(self, predictions: bytes, key: bytes) -> list[str]:
        return ["evaluate", "--predictions", self._file(predictions), "--key", self._file(key), "--criteria", "--json"]

    def _file(self, content: bytes, kind: str = "csv") -> str:
        path = self._folder / f"{hashlib.sha256(content).hexdigest()[:16]}.{kind}"
        path.write_bytes(content)
        return str(path)

    def _run(self, *argv: str) -> dict[str, Any]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            status = main(argv)
        assert status == 0, printed.getvalue()
        found: dict[str, Any] = json.loads(printed.getvalue())
        return found
