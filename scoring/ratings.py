"""Ratings of a subjective study: read the long table, check every row, put it into one canonical order.

Format: CSV with the header `subject,image,session,rating` (the columns in any order, `session` may be left out), UTF-8,
one row per rating. A DataFrame, a mapping of columns or a sequence of (subject, image, session, rating) is held to the
same rules. Ratings lie on a declared scale, [0, 5] unless told otherwise; a rating that was not given has no row.

Contract: `read_ratings` raises InvalidRatings with every fault by line (row, for a table in memory). The result is in
ascending order of image, subject, session and rating, whatever the order of the source, so that every sum taken over
it is the same to the last bit. 420,000 rows take about half a second.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import IO, Any, TextIO

import numpy as np
from numpy.typing import NDArray

from scoring.cells import Cells
from scoring.lines import decoding_problem, open_text
from scoring.problems import ProblemLog, Report, quoted
from scoring.rating_rows import HEADER_FIX, RowCollector

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

COLUMNS = ("subject", "image", "session", "rating")
SCALE = (0.0, 5.0)
DUPLICATES = ("reject", "average")
MAX_BYTES = 200_000_000
_QUOTES_FIX = "Close every quotation mark on its line."
_CHUNK = 1 << 10  # rows handled together: more leave the cache and wake the garbage collector, at twice the time

Source = Any  # path, bytes, binary file, DataFrame, mapping of columns, or rows


class InvalidRatings(ValueError):
    """The ratings cannot be used; `report` lists every problem."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.summary)
        self.report = report


@dataclass(frozen=True, eq=False)
class Ratings:
    """n ratings in ascending order of (image, subject, session, rating).

    `subjects`, `images` and `sessions` are the names in ascending order; `subject`, `image` and `session` are the
    places in them of each rating, int64 of shape (n,); `rating` is float64 of shape (n,), within `scale`.
    """

    subjects: tuple[str, ...]
    images: tuple[str, ...]
    sessions: tuple[str, ...]
    subject: Integers = field(repr=False)
    image: Integers = field(repr=False)
    session: Integers = field(repr=False)
    rating: Floats = field(repr=False)
    scale: tuple[float, float] = SCALE
    report: Report = field(default_factory=Report, repr=False)

    def __len__(self) -> int:
        return self.rating.size

    def of(self, kept: NDArray[np.bool_]) -> Ratings:
        """The ratings of the subjects flagged in `kept`, shape (subjects,); names and places stay what they are."""
        rows = kept[self.subject]
        columns = {name: getattr(self, name)[rows] for name in COLUMNS}
        return replace(self, **columns)

    def of_images(self, names: Collection[str]) -> Ratings:
        """The ratings of the images among `names`; the others are gone from `images` too."""
        kept = [place for place, image in enumerate(self.images) if image in names]
        places = np.full(len(self.images), -1, dtype=np.int64)
        places[kept] = np.arange(len(kept))
        rows = places[self.image] >= 0
        columns = {name: getattr(self, name)[rows] for name in COLUMNS}
        columns["image"] = places[columns["image"]]
        return replace(self, images=tuple(self.images[place] for place in kept), **columns)

    def cells(self, values: Floats | None = None) -> Cells:
        """One number per subject and image: the mean of `values` (default: the ratings) over what was rated twice."""
        value = self.rating if values is None else values
        repeated = (np.diff(self.image) == 0) & (np.diff(self.subject) == 0)
        subject, image = self.subject, self.image
        if repeated.any():
            starts = np.flatnonzero(np.concatenate(([True], ~repeated)))
            value = np.add.reduceat(value, starts) / np.diff(np.append(starts, len(self)))
            subject, image = subject[starts], image[starts]
        return Cells(subject, image, value, len(self.subjects), len(self.images))


def read_ratings(source: Source, *, scale: tuple[float, float] = SCALE, duplicates: str = "reject") -> Ratings:
    """Read and check a table of ratings.

    source: path, bytes, binary file object, DataFrame, mapping of columns, or sequence of rows in the order of COLUMNS
    (Ratings are passed through). scale: smallest and largest rating that can be given. duplicates: what a second rating
    of an image by the same subject is, "reject": a fault, "average": averaged with the first (see `Ratings.cells`).
    Raises InvalidRatings for what the table holds, OSError for a file that cannot be read, ValueError for an option.
    """
    if isinstance(source, Ratings):
        return source
    if duplicates not in DUPLICATES:
        raise ValueError(f"duplicates must be one of {', '.join(DUPLICATES)}, not {duplicates!r}")
    if not scale[0] < scale[1]:
        raise ValueError(f"the scale must rise, not go from {scale[0]:g} to {scale[1]:g}")
    faults = ProblemLog()
    is_file = isinstance(source, str | os.PathLike | bytes) or hasattr(source, "read")
    collector = RowCollector(faults, scale, "line" if is_file else "row")
    if is_file:
        _read_file(source, collector)
    else:
        _read_table(source, collector)
    columns = collector.finish(duplicates)
    report = faults.report(rows=collector.rows)
    if columns is None or not report.ok:
        raise InvalidRatings(report)
    return Ratings(**columns._asdict(), scale=scale, report=report)


def _read_file(source: str | os.PathLike[str] | bytes | IO[bytes], collector: RowCollector) -> None:
    content = _load(source)
    problem = decoding_problem(content)
    if len(content) > MAX_BYTES:
        collector.faults.add("too_large", f"the file is larger than {MAX_BYTES // 1_000_000} MB")
    elif problem is not None:
        collector.faults.add_problem(replace(problem, fix=HEADER_FIX) if problem.code == "empty_file" else problem)
    else:
        _read_text(open_text(content), collector)


def _load(source: str | os.PathLike[str] | bytes | IO[bytes]) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    return source.read(MAX_BYTES + 1)


def _read_text(text: TextIO, collector: RowCollector) -> None:
    columns: list[str] | None = None
    for rows, lines in _stretches(text, collector):
        first = 0
        if columns is None:
            first = next((i for i, row in enumerate(rows) if any(row)), len(rows))
            if first == len(rows):
                continue
            columns = _columns(rows[first], int(lines[first]), collector.faults)
            if columns is None:
                return
            first += 1
        _add_rows(rows[first:], lines[first:], columns, collector)
    if columns is None:
        collector.faults.add("no_header", "line 1: there is no header", 1, HEADER_FIX)


def _stretches(text: TextIO, collector: RowCollector) -> Iterator[tuple[list[list[str]], Integers]]:
    """(rows, the line each begins on) of one stretch of the text after the other, up to a row that is no CSV."""
    reader = csv.reader(text, strict=True, skipinitialspace=True)
    line, broken = 1, False
    while not broken:
        rows: list[list[str]] = []
        try:
            rows.extend(islice(reader, _CHUNK))  # keeps the rows before a broken one
        except csv.Error:
            broken = True
        heights = np.ones(len(rows), dtype=np.int64)
        if reader.line_num - line + 1 != len(rows):  # else no row has more than its own line
            heights += [_line_breaks(row) for row in rows]
        if rows:
            yield rows, line + np.cumsum(heights) - heights
        elif not broken:
            return
        line += int(heights.sum())
    message = f"line {line}: the quotation marks do not match; reading stopped here"
    collector.fault("bad_quotes", message, line, _QUOTES_FIX)


def _line_breaks(row: Sequence[str]) -> int:
    return sum(cell.count("\n") for cell in row)


def _add_rows(rows: list[list[str]], lines: Integers, columns: Sequence[str], collector: RowCollector) -> None:
    """Collect rows; those that are blank, too short, too long or spread over several lines are sorted out first."""
    if {len(row) for row in rows} != {len(columns)} or np.any(np.diff(lines) != 1) or _line_breaks(rows[-1]):
        good = [i for i, row in enumerate(rows) if _is_whole(row, int(lines[i]), columns, collector)]
        rows, lines = [rows[i] for i in good], lines[good]
    if rows:
        collector.add(dict(zip(columns, zip(*rows, strict=True), strict=True)), lines)


def _is_whole(row: Sequence[str], line: int, columns: Sequence[str], collector: RowCollector) -> bool:
    """Whether a row has a cell for each column; a fault where it is neither that nor blank."""
    if _line_breaks(row):
        collector.fault("bad_quotes", f"line {line}: a quotation mark is not closed", line, _QUOTES_FIX)
        return False
    if any(row) and len(row) != len(columns):
        fix = f"Write {','.join(columns)}, decimals with a point."
        collector.fault("columns", f"line {line} has {len(row)} columns, not {len(columns)}", line, fix)
        return False
    return any(row)


def _columns(header: Sequence[str], line: int, faults: ProblemLog) -> list[str] | None:
    """The names of the columns; None, with faults, where one is missing, unknown or there twice."""
    columns = [cell.strip().lower() for cell in header]
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t|"):
        faults.add("wrong_delimiter", f"line {line}: the columns are not separated by commas", line, HEADER_FIX)
        return None
    missing = [name for name in ("subject", "image", "rating") if name not in columns]
    for name in missing:
        faults.add("no_header", f"line {line}: the header has no column {name!r}", line, HEADER_FIX)
    if missing:
        return None
    good = True
    for name in dict.fromkeys(columns):
        if name not in COLUMNS:
            fix = "Keep the columns subject,image,session,rating."
            faults.add("unknown_column", f"line {line}: column {quoted(name, 40)} is not known", line, fix)
            good = False
        elif columns.count(name) > 1:
            faults.add("repeated_column", f"line {line}: column {quoted(name, 40)} occurs twice", line, "Keep one.")
            good = False
    return columns if good else None


def _read_table(source: Any, collector: RowCollector) -> None:
    """A table in memory: columns by name, or rows."""
    by_name: dict[str, Sequence[Any]] = {}
    if isinstance(source, Mapping) or hasattr(source, "columns"):
        header = [str(name) for name in (source if isinstance(source, Mapping) else source.columns)]
        columns = _columns(header, 1, collector.faults)
        if columns is not None:
            by_name = {column: list(source[name]) for column, name in zip(columns, header, strict=True)}
    else:
        rows = [tuple(row) for row in source]
        uneven = next((i for i, row in enumerate(rows, start=1) if len(row) != len(COLUMNS)), None)
        if uneven is not None:
            raise ValueError(f"row {uneven} has {len(rows[uneven - 1])} values; needed are {', '.join(COLUMNS)}")
        by_name = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True)) if rows else {}
    sizes = {len(column) for column in by_name.values()}
    if len(sizes) > 1:
        raise ValueError("the columns have different lengths")
    for start in range(0, max(sizes, default=0), _CHUNK):
        part = {name: column[start : start + _CHUNK] for name, column in by_name.items()}
        collector.add(part, start + 1 + np.arange(len(part["rating"])))
