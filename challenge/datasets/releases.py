"""A released database (the folder of `python -m generation release`) as data files of a challenge.

What its SHA256SUMS lists becomes data files, each with the checksum that was verified while it was stored. Nothing of a
hidden split is taken unless asked for: neither its files nor tables over all splits, whose rows name its images.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from django.db import transaction
from django.db.models import Max

from challenge.contests.models import Challenge, Phase
from challenge.core.storage import sha256_of
from challenge.datasets.models import DataFile
from challenge.datasets.services import add_version

SUMS = "SHA256SUMS"
MAX_PATH = 200  # what the title of a data file holds
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_SPLITS = {"train": "train", "validation": "val", "test": "test"}  # and how info_*.csv calls them


class InvalidRelease(Exception):
    """The folder is not a finished release, or not the one its checksums are of; the text names file and line."""


@dataclasses.dataclass(frozen=True)
class Listed:
    """One line of SHA256SUMS; `path` is relative to the folder, with slashes."""

    path: str
    sha256: str


@dataclasses.dataclass(frozen=True)
class Release:
    """What a folder holds: its files, the splits whose MOS are not published, licence and version ("" if not said)."""

    folder: Path
    files: tuple[Listed, ...]
    hidden: tuple[str, ...]
    licence: str
    version: str

    def is_hidden(self, path: str) -> bool:
        """Whether the file tells anything of a hidden split: it is one of its files, or a table over all splits."""
        return split_of(path) in self.hidden or (bool(self.hidden) and path.startswith("metadata/"))


def split_of(path: str) -> str | None:
    """The split that a file of a release belongs to; None for those about the whole."""
    found = re.match(
        r"(?:data|webdataset)/(train|validation|test)-|imagefolder/(train|validation|test)/"
        r"|(?:splits|openings)/(train|validation|test)\.txt$|info_(train|val|test)\.csv$",
        path,
    )
    name = found[found.lastindex or 0] if found else None
    return "validation" if name == "val" else name


def read_release(folder: Path) -> Release:
    """Read what the folder says of itself. Raises InvalidRelease with all that is wrong; no large file is read."""
    sums = folder / SUMS
    if not sums.is_file():
        raise InvalidRelease(f"{sums}: is not there. A release is finished when it is: run generation release again.")
    files, faults = [], []
    seen: set[str] = set()
    for number, line in enumerate(sums.read_text(encoding="utf-8").splitlines(), start=1):
        found = _LINE.fullmatch(line)
        if found is None:
            faults.append(f"{sums}:{number}: is not a SHA-256 in lower case, two spaces and a path")
        elif fault := _fault(folder, found[2], seen):
            faults.append(f"{sums}:{number}: {found[2]}: {fault}")
        else:
            seen.add(found[2])
            files.append(Listed(found[2], found[1]))
    if not files and not faults:
        faults.append(f"{sums}: lists no file")
    if faults:
        raise InvalidRelease("\n".join(faults))
    about = _about(folder)
    return Release(folder, tuple(files), _hidden(folder, files), about.get("license", ""), about.get("version", ""))


def _fault(folder: Path, path: str, seen: set[str]) -> str:
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or "\\" in path:
        return "leads out of the folder"
    if not (folder / path).resolve().is_relative_to(folder.resolve()):
        return "is a link out of the folder"
    if len(path) > MAX_PATH:
        return f"is longer than {MAX_PATH} characters"
    if path in seen:
        return "is listed twice"
    return "" if (folder / path).is_file() else "is not in the folder"


def _about(folder: Path) -> dict[str, str]:
    """What croissant.json says; nothing where there is none."""
    path = folder / "croissant.json"
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise InvalidRelease(f"{path}: is not JSON: {error}") from None
    return {key: str(value) for key, value in about.items() if key in ("license", "version")}


def _hidden(folder: Path, files: list[Listed]) -> tuple[str, ...]:
    """The splits of `files` without any MOS in their info_*.csv. Without that file a split counts as hidden."""
    there = {split_of(file.path) for file in files}
    return tuple(
        name for name, short in _SPLITS.items() if name in there and not _has_mos(folder / f"info_{short}.csv")
    )


def _has_mos(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return any((row.get("mos") or "").strip() for row in csv.DictReader(stream))


def chosen(release: Release, *, with_hidden: bool, exclude: list[str]) -> tuple[list[Listed], list[Listed]]:
    """(the files to add, those left out because they are hidden); what matches a pattern of `exclude` is in neither."""
    wanted = [file for file in release.files if not any(fnmatchcase(file.path, pattern) for pattern in exclude)]
    left_out = [] if with_hidden else [file for file in wanted if release.is_hidden(file.path)]
    return [file for file in wanted if file not in set(left_out)], left_out


def add_files(
    *, challenge: Challenge, release: Release, files: list[Listed], audience: str, phase: Phase | None, licence: str
) -> Iterator[tuple[Listed, bool]]:
    """Store `files` one after the other; yields each with whether it was new or changed.

    A file whose newest version has the listed checksum is not read again, so an interrupted run goes on. A file that is
    there keeps the gates and texts that its organisers gave it. Raises InvalidRelease at a file that is not the listed
    one, which is not stored.
    """
    position = challenge.data_files.aggregate(last=Max("position"))["last"] or 0
    for number, listed in enumerate(files, start=1):
        defaults = {
            "title": listed.path,
            "file_name": listed.path.replace("/", "-"),
            "licence": licence[:120],
            "audience": audience,
            "phase": phase,
            "position": position + number,
        }
        yield listed, _add(challenge, release, listed, defaults)


def _add(challenge: Challenge, release: Release, listed: Listed, defaults: dict[str, object]) -> bool:
    existing = DataFile.objects.filter(challenge=challenge, path_in_release=listed.path).first()
    if existing and existing.newest.sha256 == listed.sha256:
        return False
    with (release.folder / listed.path).open("rb") as stream:
        if sha256_of(stream) != listed.sha256:
            raise InvalidRelease(
                f"{release.folder / listed.path}: is not the file that {SUMS} lists (its SHA-256 differs). Make or "
                "copy the release again; then run this command again, it goes on here."
            )
        with transaction.atomic():
            file = existing or DataFile.objects.create(challenge=challenge, path_in_release=listed.path, **defaults)
            add_version(data_file=file, content=stream, note=release.version and f"Release {release.version}")
    return True
