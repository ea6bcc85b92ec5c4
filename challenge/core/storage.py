"""Files that nobody reaches by a URL: predictions, sealed answer keys, data files.

A file is complete and on disk before the row that names it is committed: it is written under a temporary name,
fsynced, renamed, and the directory is fsynced too. Names are given once and never overwritten.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django.utils.crypto import get_random_string

CHUNK_BYTES = 1 << 16


class PrivateStorage(FileSystemStorage):
    """Durable storage without URLs. Directories are 0700, files 0600."""

    def __init__(self, location: str | Path | None = None, **kwargs: Any) -> None:
        super().__init__(location=location, file_permissions_mode=0o600, directory_permissions_mode=0o700, **kwargs)

    def url(self, name: str | None) -> str:
        """Always raises ValueError: a private file is served by a view that has checked who asks."""
        raise ValueError("Private files have no URL.")

    def _save(self, name: str, content: File[Any]) -> str:
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = target.with_name(f".{target.name}.{get_random_string(8)}.part")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as out:
                for chunk in content.chunks(CHUNK_BYTES):
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            temporary.rename(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        directory = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return str(target.relative_to(self.location)).replace("\\", "/")


def file_chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """The bytes of `stream` from its beginning, in chunks."""
    stream.seek(0)
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def sha256_of(stream: IO[bytes]) -> str:
    """Hexadecimal SHA-256 of the whole stream; leaves it rewound."""
    digest = hashlib.sha256()
    for chunk in file_chunks(stream):
        digest.update(chunk)
    stream.seek(0)
    return digest.hexdigest()
