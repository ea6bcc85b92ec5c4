"""Files of a site, in as many pieces as the line allows, complete and unchanged in the end or not there at all.

Bytes go to `NAME.part`. What interrupts the transfer is mended in the same run; what an earlier run has left is used
with `resume`. The file gets its name once its SHA-256 is right.
"""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import re
from pathlib import Path
from typing import IO, Any

from aiqa.client import Client
from aiqa.errors import Refused
from aiqa.output import Bar

CHUNK_BYTES = 1 << 16


@dataclasses.dataclass(frozen=True)
class Fetched:
    """A file that is there. `resumed_from`: the bytes that an earlier run had left; `was_there`: all of it."""

    path: Path
    size: int
    sha256: str
    resumed_from: int = 0
    was_there: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**dataclasses.asdict(self), "path": str(self.path)}


def fetch(
    client: Client,
    address: str,
    target: Path,
    *,
    sha256: str = "",
    size: int = 0,
    resume: bool = False,
    force: bool = False,
) -> Fetched:
    """Download `address` to `target`. Raises CommandFailed, OSError.

    `sha256` and `size` are what the server's list says; without them (a file made on demand) the length of the answer
    is what is checked, and nothing is resumed from an earlier run.
    """
    if target.exists() and not force:
        found = digest_of(target)
        if sha256 and found == sha256:
            return Fetched(target, target.stat().st_size, found, was_there=True)
        fix = "Move it away, or replace it with --force."
        raise Refused("file_exists", f"{target} is there already, with another content.", fix)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    with part.open("r+b" if resume and sha256 and part.exists() else "w+b") as out:
        transfer = _Transfer(out, sha256, size, Bar(target.name, size))
        begun = transfer.done
        transfer.run(client, address)
        found = transfer.digest.hexdigest()
    if sha256 and found != sha256:
        part.unlink()
        raise Refused("damaged", f"{target.name} arrived damaged: its SHA-256 is wrong.", "Run the same command again.")
    part.replace(target)
    return Fetched(target, transfer.done, found, resumed_from=begun)


class _Transfer:
    """The state of one download: what is in the file, and its digest so far."""

    def __init__(self, out: IO[bytes], sha256: str, size: int, bar: Bar) -> None:
        self.out, self.etag, self.size, self.bar = out, f'"{sha256}"' if sha256 else "", size, bar
        self.done = 0
        self.digest: Any = hashlib.sha256()
        while chunk := out.read(CHUNK_BYTES):
            self.digest.update(chunk)
            self.done += len(chunk)
        if size and self.done > size:
            self._restart()

    def run(self, client: Client, address: str) -> None:
        """Go on until all is there."""
        if not self.size or self.done < self.size:
            client.call("GET", address, headers=self._headers, read=self._read, progress=lambda: self.done)
        self.bar.end()

    def _headers(self) -> dict[str, str]:
        return {"Range": f"bytes={self.done}-", "If-Range": self.etag} if self.done and self.etag else {}

    def _read(self, answer: http.client.HTTPResponse) -> None:
        begin = 0
        if answer.status == 206:
            found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
            begin = int(found[1]) if found else -1
        if begin != self.done:
            if begin != 0:
                raise Refused("wrong_range", "The server sent another part of the file than it was asked for.")
            self._restart()
        self.etag = self.etag or answer.headers.get("ETag", "")
        length = answer.headers.get("Content-Length")
        self.size = self.size or (int(length) if length else 0)
        self.bar.total = self.size
        while chunk := answer.read(CHUNK_BYTES):
            self._write(chunk)
            self.digest.update(chunk)
            self.done += len(chunk)
            self.bar.at(self.done)
        if self.done < self.size:
            raise ConnectionError("the connection broke")

    def _write(self, chunk: bytes) -> None:
        try:
            self.out.write(chunk)
            self.out.flush()
        except OSError as error:  # of this machine, not of the line: no reason to ask again
            raise Refused(
                "not_written", f"{self.out.name}: {error.strerror}.", "Make room, then use --resume."
            ) from error

    def _restart(self) -> None:
        self.out.seek(0)
        self.out.truncate()
        self.digest, self.done = hashlib.sha256(), 0


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
