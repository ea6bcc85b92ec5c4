"""Prediction files: read them, and say everything that is wrong with one, by line, with the way to put it right.

Format: CSV, `name,score` per line, header optional, UTF-8 (byte-order mark allowed), LF, CRLF or CR; or a zip holding
one such file (see `scoring.archive`). Higher scores mean better quality. What is refused rather than guessed: other
delimiters, decimal commas, extra columns, paths in names, names that are not in the list. The order of rows is free.

Contract: `validate` never raises for bad content and never shows a MOS (it is only ever given names). At most
MAX_SHOWN problems are kept, all are counted. A file has at most 50 MB and 1,000,000 rows; memory is bounded by those
caps. Measured (benchmarks/scoring.py): 4,000 rows in 3 ms; a million rows (33 MB) in 1.7 s with 190 MB beside the
file.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from scoring.archive import ArchiveError, is_zip, read_archive
from scoring.lines import LineReader, decoding_problem, open_text
from scoring.problems import MAX_SHOWN, Problem, ProblemLog, Report, quoted

__all__ = [
    "MAX_BYTES",
    "MAX_ROWS",
    "MAX_SHOWN",
    "InvalidPredictions",
    "Predictions",
    "Problem",
    "Report",
    "read_predictions",
    "validate",
]

MAX_BYTES = 50_000_000
MAX_ROWS = 1_000_000
_INF = float("inf")

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]


class InvalidPredictions(ValueError):
    """The predictions cannot be scored; `report` lists every problem."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.summary)
        self.report = report


@dataclass(frozen=True, eq=False)
class Predictions:
    """Names and scores in file order: `names` has n entries, `scores` is float64 of shape (n,), finite."""

    names: tuple[str, ...]
    scores: NDArray[np.float64]
    report: Report = field(repr=False)

    def as_mapping(self) -> dict[str, float]:
        """{name: score} in file order."""
        return dict(zip(self.names, self.scores.tolist(), strict=True))


def validate(source: Source, names: Iterable[str] | None = None, *, filename: str | None = None) -> Report:
    """Check a prediction file against the list of names (None: format only) and report every problem.

    `source` is a path, bytes or a binary file object; `filename` is what the sender called it, used only to word
    messages. Raises OSError when a path cannot be read, never for what the file contains.
    """
    return _parse(source, names, filename)[2]


def read_predictions(source: Source, names: Iterable[str] | None = None, *, filename: str | None = None) -> Predictions:
    """Read a prediction file. Raises InvalidPredictions (with the full report) when `validate` would find a problem."""
    found, scores, report = _parse(source, names, filename)
    if not report.ok:
        raise InvalidPredictions(report)
    return Predictions(tuple(found), np.array(scores, dtype=np.float64), report)


def _parse(source: Source, names: Iterable[str] | None, filename: str | None) -> tuple[list[str], array[float], Report]:
    faults = ProblemLog()
    nothing: list[str] = []
    content, name = _load(source, filename)
    if len(content) > MAX_BYTES:
        faults.add(
            "too_large",
            f"the file is larger than {MAX_BYTES // 1_000_000} MB",
            fix="Send one line per image, nothing else.",
        )
        return nothing, array("d"), faults.report(rows=0)
    method: dict[str, Any] = {}
    if is_zip(content):
        try:
            member = read_archive(content)
        except ArchiveError as error:
            faults.extend(error.problems)
            return nothing, array("d"), faults.report(rows=0)
        content, method, name = member.content, member.method, ""  # the name was the archive's
        faults.extend_warnings(member.warnings)
    problem = decoding_problem(content, name)
    if problem is not None:
        faults.add_problem(problem)
        return nothing, array("d"), faults.report(rows=0, method=method)
    reader = LineReader(None if names is None else tuple(names), faults, MAX_ROWS)
    reader.read(open_text(content))
    reader.finish()
    _warn_about_scores(reader.scores, faults)
    return reader.found, reader.scores, faults.report(rows=reader.rows, method=method, missing=reader.missing)


def _load(source: Source, filename: str | None) -> tuple[bytes, str]:
    """Bytes (at most one more than MAX_BYTES) and the best known file name."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), filename or ""
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as stream:
            return stream.read(MAX_BYTES + 1), filename or Path(source).name
    chunks: list[bytes] = []
    size = 0
    while size <= MAX_BYTES:
        chunk = source.read(min(1 << 20, MAX_BYTES + 1 - size))
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks), filename or str(getattr(source, "name", ""))


def _warn_about_scores(scores: array[float], faults: ProblemLog) -> None:
    if len(scores) > 1 and min(scores) == max(scores):
        faults.add_warning(
            "constant_scores",
            "every score is the same: no correlation is defined, so the file cannot be ranked",
            fix="Check that the model's output was written, not a default value.",
        )
    elif 0 < len(scores) < 10:
        faults.add_warning("few_rows", f"only {len(scores)} rows: the mapped PLCC needs at least 10")


def check_rows(found: Sequence[str], values: Iterable[Any], names: Iterable[str]) -> Predictions:
    """Predictions already in memory, held to the same rules as a file. Raises InvalidPredictions."""
    faults = ProblemLog()
    expected = dict.fromkeys(names)
    scores = array("d")
    seen: set[str] = set()
    for name, value in zip(found, values, strict=True):
        score = _as_float(value)
        if not -_INF < score < _INF:
            faults.add("not_finite", f"the score of {quoted(name)} is not a finite number")
        if name not in expected:
            faults.add("unknown_name", f"{quoted(name)} is not one of the names to score")
        if name in seen:
            faults.add("duplicate_name", f"{quoted(name)} occurs more than once")
        seen.add(name)
        scores.append(score)
    missing = [name for name in expected if name not in seen]
    faults.add_missing(missing)
    report = faults.report(rows=len(scores), missing=missing)
    if not report.ok:
        raise InvalidPredictions(report)
    return Predictions(tuple(found), np.array(scores, dtype=np.float64), report)


def _as_float(value: Any) -> float:
    """A number from a table or mapping; nan for what is none (None, text that spells no number)."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")
