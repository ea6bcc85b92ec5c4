"""The image files of a release: every one decoded once, measured and hashed, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from generation.images import Unreadable, decode, suffix_problem
from generation.parallel import in_order
from generation.problems import InvalidInput
from generation.progress import progress
from generation.release.columns import Value
from generation.release.ledger import Ledger, recipe
from generation.release.rows import Entry


@dataclass(frozen=True)
class Item:
    """An image that can be released: `row` has every released column, in order; `size` is that of the file in bytes."""

    path: Path
    split: str
    row: dict[str, Value]
    kind: str
    size: int

    @property
    def name(self) -> str:
        """The name of the image in every table and format."""
        return str(self.row["name"])

    @property
    def ending(self) -> str:
        """The usual ending of a file of this format, without a dot."""
        return {"JPEG": "jpg", "TIFF": "tif"}.get(self.kind, self.kind.lower())

    def read(self) -> bytes:
        """The content of the file. Raises InvalidInput when it is not what was checked."""
        content = self.path.read_bytes()
        if sha256(content).hexdigest() != self.row["sha256"]:
            raise InvalidInput(
                f"{self.path}: has changed since it was checked; delete OUT.progress.jsonl and run again"
            )
        return content


@dataclass(frozen=True)
class Checked:
    """The images that can be released, in the order of the entries; what is wrong with the others, and remarks."""

    items: Sequence[Item]
    unreadable: Sequence[str]
    resized: int


@dataclass(frozen=True)
class _Found:
    sha256: str
    width: int
    height: int
    kind: str


def check_images(
    entries: Sequence[Entry], folder: Path, columns: Sequence[str], ledger: Ledger, *, workers: int
) -> Checked:
    """Decode and hash the image of every entry; those whose file the ledger knows (size and time) are not read again.

    columns: of the entries' values, in the order of release. Raises InvalidInput when a file is not the one that the
    attributes were measured on.
    """
    stamps = [_stamp(folder / entry.file) for entry in entries]
    notes = [ledger.find(f"image {entry.name}", stamp) for entry, stamp in zip(entries, stamps, strict=True)]
    new = [entry for entry, note in zip(entries, notes, strict=True) if note is None]
    results = in_order(_look, [(folder / entry.file, entry.name) for entry in new], workers=workers)
    bar = progress(results, total=len(entries), unit="images", label="checking", done=len(entries) - len(new))
    items: list[Item] = []
    unreadable: list[str] = []
    stale: list[str] = []
    resized = 0
    for entry, stamp, note in zip(entries, stamps, notes, strict=True):
        path = folder / entry.file
        found = next(bar) if note is None else _Found(**note)
        if isinstance(found, str):
            unreadable.append(f"{path}: {found}")
            continue
        if note is None:
            ledger.note(f"image {entry.name}", stamp, vars(found))
        if entry.sha256 not in (None, found.sha256):
            stale.append(f"{path}: the attributes were measured on another file (sha256): measure it again")
        resized += entry.size not in (None, (str(found.width), str(found.height)))
        items.append(_item(entry, path, found, columns))
    next(bar, None)  # closes it
    if stale:
        raise InvalidInput(*stale)
    return Checked(items, unreadable, resized)


def _item(entry: Entry, path: Path, found: _Found, columns: Sequence[str]) -> Item:
    row: dict[str, Value] = {
        "name": entry.name,
        "split": entry.split,
        "width": found.width,
        "height": found.height,
        **{column: entry.values.get(column) for column in columns},
        "sha256": found.sha256,
    }
    return Item(path, entry.split, row, found.kind, path.stat().st_size)


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    return recipe(str(path.absolute()), status.st_size, status.st_mtime_ns)


def _look(job: tuple[Path, str]) -> Any:
    """_Found, or why the image cannot be released."""
    path, name = job
    try:
        content = path.read_bytes()
        rgb, kind = decode(content)
    except Unreadable as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    if problem := suffix_problem(name, kind):
        return problem
    return _Found(sha256(content).hexdigest(), rgb.shape[1], rgb.shape[0], kind)
