"""Answer keys: the names and MOS to score against, and the columns that define subsets.

Format: CSV with a header, `name,mos` and any number of further columns, each of which labels subsets (an empty cell
belongs to none). Three names are kept for what further criteria need: `mos_std`, the standard deviation (divisor
n - 1) of the opinion scores behind each MOS, in MOS units; `n_ratings`, their number; `pair_group`, a label shared by
images that are compared with each other, such as those of one prompt (an empty cell: with none). Two columns may come
without a header. Contract: `read_answer_key` raises InvalidAnswerKey with every fault by line; no message holds a MOS
or a standard deviation.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from scoring.lines import decoding_problem, parse_number
from scoring.problems import ProblemLog, Report, quoted

MAX_BYTES = 200_000_000
NUMBERS = ("mos_std", "n_ratings")
RESERVED = ("name", "mos", *NUMBERS, "pair_group")


class InvalidAnswerKey(ValueError):
    """The answer key cannot be used; `report` lists every problem."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.summary)
        self.report = report


@dataclass(frozen=True, eq=False)
class AnswerKey:
    """Names, MOS (float64, shape (n,), finite) and, per subset column, the n labels ("" = none), in file order.

    Where the key has them: mos_std (shape (n,), from 0), n_ratings (shape (n,), whole numbers from 1), pair_group (n
    labels).
    """

    names: tuple[str, ...]
    mos: NDArray[np.float64] = field(repr=False)
    subsets: dict[str, list[str]] = field(default_factory=dict, repr=False)
    mos_std: NDArray[np.float64] | None = field(default=None, repr=False)
    n_ratings: NDArray[np.float64] | None = field(default=None, repr=False)
    pair_group: list[str] | None = field(default=None, repr=False)

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Row numbers in ascending order of name: scoring always works in this order."""
        return np.array(sorted(range(len(self.names)), key=self.names.__getitem__), dtype=np.intp)

    @cached_property
    def sha256(self) -> str:
        """Digest of the content in a canonical form: order of rows and columns and layout of the file do not matter."""
        columns: dict[str, Sequence[str]] = {column: self.subsets[column] for column in sorted(self.subsets)}
        for column in NUMBERS:
            numbers = getattr(self, column)
            if numbers is not None:
                columns[column] = [float(value).hex() for value in numbers]
        if self.pair_group is not None:
            columns["pair_group"] = self.pair_group
        digest = hashlib.sha256(json.dumps(["name", "mos", *columns]).encode())
        for row in self.order.tolist():
            cells = [values[row] for values in columns.values()]
            digest.update(json.dumps([self.names[row], float(self.mos[row]).hex(), *cells]).encode())
        return digest.hexdigest()


def read_answer_key(source: str | os.PathLike[str] | bytes | IO[bytes]) -> AnswerKey:
    """Read an answer key from a path, bytes or a binary file object. Raises InvalidAnswerKey."""
    faults = ProblemLog()
    content = _load(source)
    problem = decoding_problem(content)
    if len(content) > MAX_BYTES:
        faults.add("too_large", f"the answer key is larger than {MAX_BYTES // 1_000_000} MB")
    elif problem is not None:
        faults.add_problem(problem)
    if faults.counts:
        raise InvalidAnswerKey(faults.report(rows=0))
    key = _parse(content.decode("utf-8-sig"), faults)
    if faults.counts:
        raise InvalidAnswerKey(faults.report(rows=len(key.names)))
    return key


def _load(source: str | os.PathLike[str] | bytes | IO[bytes]) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    return source.read(MAX_BYTES + 1)


def _parse(text: str, faults: ProblemLog) -> AnswerKey:
    names: list[str] = []
    mos: list[float] = []
    seen: dict[str, int] = {}
    columns: list[str] | None = None
    others: dict[str, list[str]] = {}
    for number, row in _rows(text, faults):
        if columns is None:
            columns = _columns(row, number, faults)
            others = {column: [] for column in columns if column not in ("name", "mos")}
            if faults.counts:
                break
            if [cell.lower() for cell in row] == columns or "name" in (cell.lower() for cell in row):
                continue
        if len(row) != len(columns):
            faults.add("columns", f"line {number} has {len(row)} columns, not {len(columns)}", number)
            continue
        cells = dict(zip(columns, row, strict=True))
        name, value = cells["name"], parse_number(cells["mos"])
        _check_row(number, name, value, seen, faults)
        seen.setdefault(name, number)
        names.append(name)
        mos.append(math.nan if value is None else value)
        for column, cells_so_far in others.items():
            cells_so_far.append(cells[column])
            fault = fault_of(column, parse_number(cells[column])) if column in NUMBERS else ""
            if fault:
                faults.add(f"bad_{column}", f"line {number}: {fault}", number)
    if not names and not faults.counts:
        faults.add("empty_file", "the answer key has no rows")
    return assemble(names, mos, others)


def assemble(names: Sequence[str], mos: Sequence[float], others: dict[str, list[str]]) -> AnswerKey:
    """An AnswerKey from its columns, all of one length; `others` holds those beside name and mos."""
    numbers = {
        column: np.array([parse_number(cell) for cell in others[column]], dtype=np.float64)
        for column in NUMBERS
        if column in others
    }
    subsets = {column: cells for column, cells in others.items() if column not in RESERVED}
    return AnswerKey(
        tuple(names), np.array(mos, dtype=np.float64), subsets, pair_group=others.get("pair_group"), **numbers
    )


def fault_of(column: str, value: float | None) -> str:
    """What is wrong with a value of one of the columns NUMBERS, or ""; the value itself is never shown."""
    if value is None or math.isnan(value):
        return f"the {column} is missing or not a number"
    if column == "n_ratings" and not (1 <= value < math.inf and value == int(value)):
        return "the n_ratings must be a whole number from 1"
    return "" if 0 <= value < math.inf else f"the {column} must be a finite number from 0"


def _rows(text: str, faults: ProblemLog) -> Iterable[tuple[int, list[str]]]:
    """(line, stripped cells) of every row that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=None), strict=True, skipinitialspace=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        faults.add("bad_csv", f"line {reader.line_num}: {error}", reader.line_num)


def _columns(row: Sequence[str], number: int, faults: ProblemLog) -> list[str]:
    """Column names from the first row: the reserved ones in any case, all in any place."""
    if len(row) == 2 and parse_number(row[1]) is not None:
        return ["name", "mos"]
    columns = [cell.lower() if cell.lower() in RESERVED else cell for cell in row]
    for needed in ("name", "mos"):
        if needed not in columns:
            fix = "Start the file with a header: name,mos and the subset columns."
            faults.add("no_header", f"line {number}: the header has no column {needed!r}", number, fix)
    for column in sorted({column for column in columns if columns.count(column) > 1}):
        faults.add("columns", f"line {number}: column {quoted(column, 40)} occurs twice", number)
    if "" in columns:
        faults.add("columns", f"line {number}: a column has no name", number)
    return columns


def _check_row(number: int, name: str, value: float | None, seen: dict[str, int], faults: ProblemLog) -> None:
    """Record the faults of one row. The value itself is never shown."""
    if not name:
        faults.add("empty_name", f"line {number} has no name", number)
    elif name in seen:
        faults.add("duplicate_name", f"line {number}: {quoted(name)} was given on line {seen[name]} already", number)
    if value is None:
        faults.add("bad_score", f"line {number}: the MOS is missing or not a number", number)
    elif not math.isfinite(value):
        faults.add("not_finite", f"line {number}: the MOS is not finite", number)
