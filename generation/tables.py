"""CSV files of users: read whole, with the line of every row for messages."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from generation.problems import InvalidInput


@dataclass(frozen=True)
class Table:
    """Rows as {column: text}; `lines[i]` is the line of the file on which row i begins."""

    path: Path
    columns: list[str]
    rows: list[dict[str, str]] = field(repr=False)
    lines: list[int] = field(repr=False)

    def place(self, row: int) -> str:
        """`file:line` of a row."""
        return f"{self.path}:{self.lines[row]}"

    def filled(self, column: str) -> list[str]:
        """The cells of a column, stripped. Raises InvalidInput naming each that is empty or has a line break in it."""
        cells = [row[column].strip() for row in self.rows]
        problems = [
            f"{self.place(i)}: {column} is empty" if not cell else f"{self.place(i)}: {column} has a line break in it"
            for i, cell in enumerate(cells)
            if len(cell.splitlines()) != 1
        ]
        if problems:
            raise InvalidInput(*problems)
        return cells

    def unique(self, column: str) -> list[str]:
        """As `filled`. Raises InvalidInput naming each row that repeats an earlier one."""
        cells = self.filled(column)
        first: dict[str, int] = {}
        repeats = []
        for i, cell in enumerate(cells):
            if first.setdefault(cell, i) != i:
                line = self.lines[first[cell]]
                repeats.append(f"{self.place(i)}: the same {column} as on line {line}; each may occur once")
        if repeats:
            raise InvalidInput(*repeats)
        return cells


def read_table(path: Path, required: Collection[str]) -> Table:
    """Read a CSV file with a header: UTF-8 (byte-order mark allowed), comma, columns in any order and any case.

    Raises OSError when it cannot be opened and InvalidInput for everything else that is wrong with it: not UTF-8,
    a required column missing, a column twice, no rows, rows that are longer or shorter than the header.
    """
    return parse_table(path.read_bytes(), path, required)


def parse_table(content: bytes, path: Path, required: Collection[str]) -> Table:
    """The same of bytes; `path` is what messages call them."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidInput(f"{path}:{line}: the text is not UTF-8; save the file as UTF-8") from None
    problems: list[str] = []
    lines: list[int] = []
    rows: list[dict[str, str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records = _records(path, reader)
    _, header = next(records, (1, []))
    columns = [cell.strip().lower() for cell in header]
    _check_header(path, columns, required)
    for line, cells in records:
        if len(cells) == len(columns):
            rows.append(dict(zip(columns, cells, strict=True)))
            lines.append(line)
        else:
            problems.append(
                f"{path}:{line}: {len(cells)} cells, but the header has {len(columns)}; quote cells with commas"
            )
    if problems:
        raise InvalidInput(*problems)
    if not rows:
        raise InvalidInput(f"{path}: no rows below the header")
    return Table(path, columns, rows, lines)


def _records(path: Path, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """(line on which it begins, cells) of each record that is not blank."""
    while True:
        line = reader.line_num + 1  # type: ignore[attr-defined]
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidInput(f"{path}:{line}: {error}; check the quotation marks from here on") from None
        if any(cell.strip() for cell in cells):
            yield line, cells


def _check_header(path: Path, columns: list[str], required: Collection[str]) -> None:
    problems = [f"{path}: no column {name}; it has: {', '.join(columns)}" for name in required if name not in columns]
    problems += [
        f"{path}: the column {name!r} is there twice" for name in sorted({c for c in columns if columns.count(c) > 1})
    ]
    if problems:
        raise InvalidInput(*problems)
