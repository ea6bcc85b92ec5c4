"""What a release says about each image: tables joined by name, and the opinions on hidden images taken out.

This is the only place that holds hidden scores together with names. `load_rows` takes them out before anything is
written: the rows that writers get have none, and the hidden MOS leave as `Rows.secrets`, which only the commitment
sees. Columns are let through by a list (release.columns); those that are not on it are left out unless the user names
them, since a table can hold a MOS under any name. Images are in ascending order of name, so that no order of an input
can tell a score. No message shows an opinion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from generation.images import SUFFIXES
from generation.problems import InvalidInput
from generation.release.columns import ALIASES, KNOWN, LOCATORS, OPINIONS, Value, kind_of, parse
from generation.tables import Table, read_table

SPLITS = ("train", "validation", "test")
LONGEST_NAME = 200


@dataclass
class Entry:
    """One image: its name in the release, its file below the folder of images, its split and its values by column.

    `sha256` is that of the file the attributes were measured on, `size` the width and height that a table states;
    both are None when no table has them.
    """

    name: str
    file: str
    split: str = ""
    values: dict[str, Value] = field(default_factory=dict)
    sha256: str | None = None
    size: tuple[str, str] | None = None


@dataclass(frozen=True)
class Rows:
    """Images in ascending order of name; the columns of `values` with their kinds; names of columns left out.

    `secrets` {split: {name: mos}} is of the splits that are not published, as far as they have MOS.
    """

    entries: Sequence[Entry]
    columns: Mapping[str, str]
    published: frozenset[str]
    secrets: Mapping[str, Mapping[str, float]] = field(repr=False)
    left_out: Sequence[str]

    @property
    def published_names(self) -> set[str]:
        """The images of published splits."""
        return {entry.name for entry in self.entries if entry.split in self.published}

    @property
    def published_mos(self) -> dict[str, dict[str, float]]:
        """{split: {name: mos}} of the splits that are published, as far as they have MOS."""
        found: dict[str, dict[str, float]] = {}
        for entry in self.entries:
            mos = entry.values.get("mos")
            if isinstance(mos, float):
                found.setdefault(entry.split, {})[entry.name] = mos
        return found


def load_rows(
    images: Path,
    *,
    more: Sequence[Path] = (),
    splits: Path | None = None,
    publish: Iterable[str] = ("train", "validation"),
    describes: Sequence[str] = (),
) -> Rows:
    """Read the table of images and those that add columns by name: plan, attributes, MOS.

    images: needs the column name, and the column file where that is not the name. splits: name, split; without it the
    table of images needs a column split. describes: further columns that tell no opinion. Raises InvalidInput with the
    line of every fault.
    """
    tables = [read_named(path) for path in (images, *more)]
    kinds = KNOWN | {column: kind_of(_texts(tables, column)) for column in describes}
    entries, problems = _begin(tables[0])
    problems += _assign_splits(entries, images, splits)
    by_file = {entry.file: entry for entry in entries.values()}
    for table in tables:
        found = [entries.get(row["name"]) or by_file.get(row["name"]) for row in table.rows]
        if not any(found):
            problems.append(f"{table.path}: names none of the images of {images}: the names must be the same")
        for i, entry in enumerate(found):
            if entry is not None:
                problems += _merge(entry, table.place(i), table.rows[i], kinds)
    present = {column for table in tables for column in table.columns}
    if absent := [column for column in describes if column not in present]:
        problems.append(f"{images}: no table has the column {', '.join(absent)}")
    published = frozenset(publish)
    ordered = [entries[name] for name in sorted(entries)]
    if "mos" in present:
        problems += _gaps(images, ordered, published)
    if problems:
        raise InvalidInput(*problems)
    return Rows(
        entries=ordered,
        columns={column: kind for column, kind in kinds.items() if column in present},
        published=published,
        secrets=_hide(ordered, published),
        left_out=sorted(present - kinds.keys() - LOCATORS),
    )


def read_named(path: Path) -> Table:
    """A table with a row per image under its name; other commands' names of columns are translated (ALIASES)."""
    return named(read_table(path, []))


def named(table: Table) -> Table:
    """The same of a table that is read already."""
    path = table.path
    other = {alias: name for alias, name in ALIASES.items() if alias in table.columns and name not in table.columns}
    rows = [{other.get(column, column): text for column, text in row.items()} for row in table.rows]
    table = Table(path, [other.get(column, column) for column in table.columns], rows, table.lines)
    if "name" not in table.columns:
        raise InvalidInput(f"{path}: no column name; it has: {', '.join(table.columns)}")
    for row, name in zip(rows, table.unique("name"), strict=True):
        row["name"] = name
    return table


def _texts(tables: Iterable[Table], column: str) -> list[str]:
    return [row[column] for table in tables if column in table.columns for row in table.rows]


def _begin(table: Table) -> tuple[dict[str, Entry], list[str]]:
    """An entry for each row of the table of images, and what is wrong with their names and files."""
    entries: dict[str, Entry] = {}
    problems: list[str] = []
    folded: dict[str, str] = {}
    for i, row in enumerate(table.rows):
        place, name, file = table.place(i), row["name"], row.get("file") or row["name"]
        problems += (f"{place}: the name {name!r} {fault}" for fault in _name_faults(name))
        other = folded.setdefault(name.casefold(), name)
        if other != name:
            problems.append(f"{place}: {name!r} and {other!r} differ only in case: some file systems take them for one")
        if PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
            problems.append(f"{place}: the file {file!r} leads out of the folder of images")
        entries[name] = Entry(name, file)
    return entries, problems


def _name_faults(name: str) -> Iterator[str]:
    if not name or not name.isprintable() or name.startswith(".") or set(name) & set('/\\:*?"<>|'):
        yield (
            "cannot be the name of a file everywhere; a file in a folder needs a column file with its path, "
            "and a name of its own"
        )
    elif PurePosixPath(name).suffix.lower() not in SUFFIXES:
        yield f"ends in none of {', '.join(SUFFIXES)}"
    if len(name.encode("utf-8", "replace")) > LONGEST_NAME:
        yield f"is longer than {LONGEST_NAME} bytes"


def _assign_splits(entries: Mapping[str, Entry], images: Path, splits: Path | None) -> list[str]:
    source = splits or images
    table = read_named(source)
    if "split" not in table.columns:
        raise InvalidInput(f"{source}: no column split; add it, or give --splits a table that has it")
    problems = []
    for i, row in enumerate(table.rows):
        split = {"val": "validation"}.get(row["split"], row["split"])
        if split not in SPLITS:
            problems.append(f"{table.place(i)}: the split {split!r} is none of {', '.join(SPLITS)}")
        if row["name"] in entries:
            entries[row["name"]].split = split
    problems += (f"{source}: {entry.name!r} is in no split" for entry in entries.values() if not entry.split)
    return problems


def _merge(entry: Entry, place: str, row: Mapping[str, str], kinds: Mapping[str, str]) -> Iterator[str]:
    """Add what a row says of an image; yields what contradicts an earlier table or cannot be read."""
    if digest := row.get("sha256"):
        if entry.sha256 not in (None, digest):
            yield f"{place}: sha256 of {entry.name!r} is another one in an earlier table"
        entry.sha256 = digest
    if entry.size is None and row.get("width") and row.get("height"):
        entry.size = row["width"], row["height"]
    for column in filter(kinds.__contains__, row):
        try:
            value = parse(row[column], kinds[column])
        except ValueError as error:
            yield f"{place}: {column} of {entry.name!r} is {error}"
            continue
        before = entry.values.get(column)
        if before is None:
            entry.values[column] = value
        elif value is not None and value != before:
            yield f"{place}: {column} of {entry.name!r} is another one in an earlier table"


def _gaps(images: Path, entries: Sequence[Entry], published: frozenset[str]) -> Iterator[str]:
    """A split has a MOS for every image, or, if it is not published, for none."""
    for split in SPLITS:
        chosen = [entry for entry in entries if entry.split == split]
        without = [entry.name for entry in chosen if entry.values.get("mos") is None]
        if without and (split in published or len(without) < len(chosen)):
            yield (
                f"{images}: {len(without)} of {len(chosen)} images of the split {split} have no MOS "
                f"(first: {without[0]!r}): "
                "add them, take the images out or leave the split out of --publish"
            )


def _hide(entries: Sequence[Entry], published: frozenset[str]) -> dict[str, dict[str, float]]:
    """Take the opinions out of the entries that are not published; returns their MOS by split."""
    secrets: dict[str, dict[str, float]] = {}
    for entry in entries:
        if entry.split in published:
            continue
        mos = entry.values.get("mos")
        if isinstance(mos, float):
            secrets.setdefault(entry.split, {})[entry.name] = mos
        for column in OPINIONS:
            entry.values.pop(column, None)
    return secrets
