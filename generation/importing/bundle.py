"""Files that people bring: a folder or a zip, of which only what is asked for is read, and never more than a limit.

Nothing is extracted: a member of a zip is read into memory up to MOST_BYTES, whatever size it claims, so that neither
a path that leads elsewhere nor a small file that unpacks to a huge one does harm.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath
from types import TracebackType

from generation.images import SUFFIXES
from generation.problems import InvalidInput

MOST_BYTES = 100 * 2**20  # of one image file
_FOREIGN = ("__MACOSX/", ".")


class Unusable(ValueError):
    """A file cannot be taken; the message says why."""


class Bundle:
    """The files of a folder or zip by their path in it. A context manager."""

    def __init__(self, path: Path) -> None:
        """Raises InvalidInput when it is neither a folder nor a zip, OSError when it cannot be opened."""
        self._path = path
        self._zip: zipfile.ZipFile | None = None
        if path.is_dir():
            self._root = path.resolve()
            return
        try:
            self._zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile:
            raise InvalidInput(f"{path}: is neither a folder nor a zip that is whole") from None

    def __enter__(self) -> Bundle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._zip is not None:
            self._zip.close()

    def images(self) -> list[str]:
        """The image files in it, by their endings, in ascending order."""
        if self._zip is not None:
            names = [entry.filename for entry in self._zip.infolist() if not entry.is_dir()]
        else:
            names = [path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file()]
        return sorted(
            name for name in names if PurePosixPath(name).suffix.lower() in SUFFIXES and not name.startswith(_FOREIGN)
        )

    def read(self, name: str) -> bytes:
        """The content of a file. Raises Unusable."""
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts or "\\" in name or "\0" in name:
            raise Unusable("the path leads out of the folder or zip: give it relative, without ..")
        content = self._read_member(name) if self._zip is not None else self._read_file(name)
        if len(content) > MOST_BYTES:
            raise Unusable(f"larger than {MOST_BYTES // 2**20} MB")
        return content

    def _read_member(self, name: str) -> bytes:
        assert self._zip is not None  # noqa: S101
        found = [entry for entry in self._zip.infolist() if entry.filename == name]
        if len(found) != 1:
            raise Unusable("not in the zip" if not found else "in the zip more than once")
        if found[0].flag_bits & 1:
            raise Unusable("encrypted: make a zip without a password")
        try:
            with self._zip.open(found[0]) as stream:
                return stream.read(MOST_BYTES + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
            raise Unusable(f"damaged in the zip: {error}") from None

    def _read_file(self, name: str) -> bytes:
        path = (self._root / name).resolve()
        if not path.is_relative_to(self._root):
            raise Unusable("a link that leads out of the folder")
        if not path.is_file():
            raise Unusable("not in the folder")
        with path.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
