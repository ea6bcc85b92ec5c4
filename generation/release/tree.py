"""The release folder: planned, cleared of what does not belong, written part by part, closed by SHA256SUMS.

A part that an earlier run finished is kept when what goes in and what came out are still the same (by digest).
SHA256SUMS is removed first and written last, so a folder without it is unfinished. Only files that a release writes
are ever removed; any other file is refused before anything is touched.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import IO, Any

from generation.fields import write_csv
from generation.files import whole_file
from generation.problems import InvalidInput
from generation.progress import progress
from generation.release.card import Card
from generation.release.columns import Value
from generation.release.commitment import Opening
from generation.release.croissant import croissant
from generation.release.documents import Facts, changelog, citation_cff, license_text, readme
from generation.release.formats import FORMATS, Part, parts_of, rows_part
from generation.release.ledger import Ledger, recipe
from generation.release.ratings import Ratings

SUMS = "SHA256SUMS"
_NTIRE = {"train": "train", "validation": "val", "test": "test"}
_SPLIT = "(train|validation|test)"
_OURS = re.compile(
    rf"README\.md|LICENSE|CITATION\.cff|CHANGELOG\.md|croissant\.json|{SUMS}|COMMITMENTS|info_(train|val|test)\.csv"
    rf"|data/{_SPLIT}-\d{{5}}-of-\d{{5}}\.parquet|webdataset/{_SPLIT}-\d{{5}}\.tar|imagefolder/{_SPLIT}/[^/]+"
    rf"|metadata/(images|plan|prompts)\.csv|metadata/prompt_funnel\.json|splits/{_SPLIT}\.txt|openings/{_SPLIT}\.txt"
    r"|ratings/(raw_ratings\.parquet|subjects\.csv)|(.+/)?\.[^/]+\.part"
)


@dataclass(frozen=True)
class Release:
    """All that is released. `origins` {path: text} are files on how the database was made."""

    facts: Facts
    card: Card
    shard_size: int
    openings: Mapping[str, Opening]
    ratings: Ratings | None
    origins: Mapping[str, str]


@dataclass(frozen=True)
class Written:
    """What `write_release` did: files and bytes in the folder, and how many of the files stood there before."""

    files: int
    bytes: int
    kept: int


def check_folder(out: Path) -> None:
    """Raises InvalidInput when the folder holds files that no release writes (version control aside)."""
    foreign = sorted(path for path in _files(out) if not _OURS.fullmatch(path))
    if foreign:
        raise InvalidInput(
            f"{out}: holds files that are not of a release: {', '.join(foreign[:5])}"
            f"{f' and {len(foreign) - 5} more' if len(foreign) > 5 else ''}; move them or give --out another folder"
        )


def write_release(release: Release, out: Path, ledger: Ledger) -> Written:
    """Write the folder, or finish it. Raises InvalidInput for foreign files and for images that change meanwhile."""
    check_folder(out)
    parts = _small_parts(release)
    for name in FORMATS:
        if name in release.facts.formats:
            parts += parts_of(name, release.facts.items, release.facts.columns, release.shard_size)
    out.mkdir(parents=True, exist_ok=True)
    (out / SUMS).unlink(missing_ok=True)
    # What is stale goes before anything is written: it may tell scores that are hidden now.
    for path in _files(out) - {part.path for part in parts if _note(part, ledger) is not None}:
        (out / path).unlink()
    found: dict[str, tuple[str, int]] = {}
    kept = 0
    for part in progress(parts, total=len(parts), unit="files", label="writing"):
        note = _finished(part, out, ledger)
        kept += note is not None
        found[part.path] = note or _write(part, out, ledger)
    ratings = release.ratings.columns if release.ratings else {}
    described = _text_part("croissant.json", croissant(release.card, release.facts, found, ratings))
    found[described.path] = _write(described, out, ledger)
    sums = "".join(f"{found[path][0]}  {path}\n" for path in sorted(found))
    with whole_file(out / SUMS) as stream:
        stream.write(sums)
    _remove_empty_folders(out)
    return Written(len(found) + 1, sum(size for _, size in found.values()) + len(sums), kept)


def _files(folder: Path) -> set[str]:
    """Paths of all files below a folder, without those of version control at its top."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    return {path.as_posix() for path in found if not path.parts[0].startswith(".git")}


def _remove_empty_folders(out: Path) -> None:
    for folder in sorted((path for path in out.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()) and not folder.relative_to(out).parts[0].startswith(".git"):
            folder.rmdir()


def _finished(part: Part, out: Path, ledger: Ledger) -> tuple[str, int] | None:
    """(sha256, bytes) of a part that is there as an earlier run wrote it."""
    note = _note(part, ledger)
    path = out / part.path
    if note is None or not path.is_file() or path.stat().st_size != note[1]:
        return None
    return (note[0], note[1]) if _digest(path) == note[0] else None


def _note(part: Part, ledger: Ledger) -> Any:
    """[sha256, bytes] of a part that was written from the same recipe, whatever became of it."""
    return ledger.find(f"file {part.path}", part.recipe)


def _write(part: Part, out: Path, ledger: Ledger) -> tuple[str, int]:
    path = out / part.path
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path, "wb") as stream:
        part.write(stream)
    found = (_digest(path), path.stat().st_size)
    ledger.note(f"file {part.path}", part.recipe, found)
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def _text_part(path: str, text: str) -> Part:
    content = text.encode()

    def write(stream: IO[bytes]) -> None:
        stream.write(content)

    return Part(path, recipe(text), write)


def _csv_part(path: str, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> Part:
    text = io.StringIO()
    write_csv(text, columns, rows)
    return _text_part(path, text.getvalue())


def _small_parts(release: Release) -> list[Part]:
    """Every file but the images and what is made of the other files' checksums."""
    facts, card = release.facts, release.card
    parts = [
        _text_part("README.md", readme(card, facts)),
        _text_part("LICENSE", license_text(card)),
        _text_part("CITATION.cff", citation_cff(card)),
        _text_part("CHANGELOG.md", changelog(card)),
        _csv_part("metadata/images.csv", list(facts.columns), [list(item.row.values()) for item in facts.items]),
    ]
    for split in facts.splits:
        rows = [item.row for item in facts.items if item.split == split]
        parts.append(_text_part(f"splits/{split}.txt", "".join(f"{row['name']}\n" for row in rows)))
        named = [column for column in ("name", "prompt", "mos") if column in facts.columns]
        info = [[row[column] for column in named] for row in rows]
        parts.append(_csv_part(f"info_{_NTIRE[split]}.csv", named, info))
    parts += (_text_part(path, text) for path, text in release.origins.items())
    if facts.commitments:
        lines = (f"{digest}  openings/{split}.txt\n" for split, digest in sorted(facts.commitments.items()))
        parts.append(_text_part("COMMITMENTS", "".join(lines)))
    parts += (
        _text_part(f"openings/{split}.txt", opening.to_bytes().decode()) for split, opening in release.openings.items()
    )
    if release.ratings is not None:
        parts += _rating_parts(release.ratings)
    return parts


def _rating_parts(ratings: Ratings) -> list[Part]:
    return [
        rows_part("ratings/raw_ratings.parquet", ratings.rows, ratings.columns),
        _csv_part("ratings/subjects.csv", ("subject", "n_ratings", "n_sessions"), ratings.by_subject()),
    ]
