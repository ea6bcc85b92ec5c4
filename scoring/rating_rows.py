"""Rows of a table of ratings: the fast way for chunks that are plainly good, and one row at a time for the others.

Contract: a good row costs about a microsecond; a row that is not good is one fault with its line and the way to put it
right. What comes out is in one canonical order, whatever the order of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.lines import parse_number
from scoring.problems import ProblemLog, quoted

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

HEADER_FIX = "Start the file with the line subject,image,session,rating."
_REMEMBERED = 1 << 16  # distinct spellings of a rating kept with their value
_NO_NAME = frozenset({"None", "nan", "NaN", "<NA>", "NaT"})  # how missing cells of a DataFrame print


class Columns(NamedTuple):
    """Names in ascending order, and rows in ascending order of (image, subject, session, rating) that refer to them."""

    subjects: tuple[str, ...]
    images: tuple[str, ...]
    sessions: tuple[str, ...]
    subject: Integers
    image: Integers
    session: Integers
    rating: Floats


class _Fault(Exception):
    """A cell is not plainly good: its rows are looked at one by one."""


class _Names(dict[Any, int]):
    """Spelling -> place in `names`; an unseen spelling is trimmed and gets a place of its own if it is a new name."""

    def __init__(self, *, may_be_empty: bool = False) -> None:
        self.names: list[str] = []
        self._places: dict[str, int] = {}
        self._may_be_empty = may_be_empty

    def __missing__(self, spelling: Any) -> int:
        name = str(spelling).strip()
        if not isinstance(spelling, str) and name in _NO_NAME:
            name = ""
        if not name and not self._may_be_empty:
            raise _Fault
        place = self._places.setdefault(name, len(self._places))
        if place == len(self.names):
            self.names.append(name)
        self[spelling] = place
        return place


class _Values(dict[Any, float]):
    """Spelling -> rating on the scale. Most studies use a few dozen spellings, so each is parsed once."""

    def __init__(self, scale: tuple[float, float]) -> None:
        self._low, self._high = scale

    def __missing__(self, spelling: Any) -> float:
        value = _number(spelling)
        if value is None or not self._low <= value <= self._high:
            raise _Fault
        if len(self) < _REMEMBERED:
            self[spelling] = value
        return value


def _number(value: Any) -> float | None:
    """The number a cell holds (nan and inf included), or None."""
    if isinstance(value, str):
        return parse_number(value.strip())
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


class RowCollector:
    """Collects chunks of rows, and the faults in them; `finish` puts the rows in order."""

    def __init__(self, faults: ProblemLog, scale: tuple[float, float], place: str) -> None:
        self.faults = faults
        self.scale = scale
        self.place = place  # what a row is called in messages: line or row
        self.rows = 0
        self._subjects, self._images = _Names(), _Names()
        self._sessions = _Names(may_be_empty=True)
        self._values = _Values(scale)
        self._chunks: list[tuple[Integers, Integers, Integers, Floats, Integers]] = []

    def fault(self, code: str, message: str, line: int, fix: str) -> None:
        """Record a row that holds no rating."""
        self.rows += 1
        self.faults.add(code, message, line, fix)

    def add(self, columns: Mapping[str, Sequence[Any]], lines: Integers) -> None:
        """Rows of equal length, and the line of each."""
        try:
            self._add_good(columns, lines)
            self.rows += len(lines)
        except _Fault:
            self._add_one_by_one(columns, lines)

    def _add_good(self, columns: Mapping[str, Sequence[Any]], lines: Integers) -> None:
        sessions = columns.get("session", [""] * len(lines))
        self._chunks.append(
            (
                _codes(self._subjects, columns["subject"]),
                _codes(self._images, columns["image"]),
                _codes(self._sessions, sessions),
                np.fromiter(map(self._values.__getitem__, columns["rating"]), dtype=np.float64, count=len(lines)),
                lines,
            )
        )

    def _add_one_by_one(self, columns: Mapping[str, Sequence[Any]], lines: Integers) -> None:
        names = list(columns)
        good: list[int] = []
        for i, row in enumerate(zip(*columns.values(), strict=True)):
            if self._row_is_good(dict(zip(names, row, strict=True)), int(lines[i])):
                good.append(i)
            self.rows += 1
        if good:
            self._add_good({name: [column[i] for i in good] for name, column in columns.items()}, lines[good])

    def _row_is_good(self, row: Mapping[str, Any], line: int) -> bool:
        where = f"{self.place} {line}"
        for column, names in (("subject", self._subjects), ("image", self._images)):
            try:
                names[row[column]]
            except _Fault:
                self.faults.add("empty_name", f"{where} has no {column}", line, "Write subject,image,session,rating.")
                return False
        cell = row["rating"]
        value = _number(cell)
        shown = quoted(str(cell).strip(), 40)
        if value is None or not -np.inf < value < np.inf:
            fix = "Write a number; leave the line out where no rating was given."
            self.faults.add("bad_rating", f"{where}: the rating is {shown}, not a number", line, fix)
            return False
        low, high = self.scale
        if not low <= value <= high:
            fix = "Correct it, or declare the study's scale (--scale LOW HIGH)."
            message = f"{where}: the rating {shown} lies outside the scale {low:g} to {high:g}"
            self.faults.add("out_of_scale", message, line, fix)
            return False
        return True

    def finish(self, duplicates: str) -> Columns | None:
        """All rows in canonical order; None where there are none. `duplicates`: "reject" makes repeats faults."""
        if not self.rows and not self.faults.counts:
            self.faults.add("empty_file", "there are no ratings", None, HEADER_FIX)
        for code in ("bad_rating", "out_of_scale", "columns"):
            self.faults.collapse(code, self.rows)
        if not self._chunks:
            return None
        subject, image, session, rating, lines = (np.concatenate(parts) for parts in zip(*self._chunks, strict=True))
        self._chunks.clear()
        subjects, subject = _in_order(self._subjects.names, subject)
        images, image = _in_order(self._images.names, image)
        sessions, session = _in_order(self._sessions.names, session)
        order = np.argsort(image * len(subjects) + subject, kind="stable")
        if ((np.diff(image[order]) == 0) & (np.diff(subject[order]) == 0)).any():
            order = np.lexsort((lines, rating, session, subject, image))
            if duplicates == "reject":
                self._add_duplicates(subject, image, lines, subjects, images)
        self._warn_about_sessions(sessions, session)
        return Columns(subjects, images, sessions, subject[order], image[order], session[order], rating[order])

    def _add_duplicates(
        self, subject: Integers, image: Integers, lines: Integers, subjects: Sequence[str], images: Sequence[str]
    ) -> None:
        """A fault for every rating but the first of an image by a subject, in the order of lines."""
        order = np.lexsort((lines, subject, image))
        subject, image, lines = subject[order], image[order], lines[order]
        again = np.flatnonzero((np.diff(image) == 0) & (np.diff(subject) == 0)) + 1
        fix = "Keep one rating, or average them (--duplicates average)."
        for i in again[np.argsort(lines[again])].tolist():
            message = (
                f"{self.place} {lines[i]}: subject {quoted(subjects[subject[i]], 40)} rated "
                f"{quoted(images[image[i]])} on {self.place} {lines[i - 1]} already"
            )
            self.faults.add("duplicate_rating", message, int(lines[i]), fix)

    def _warn_about_sessions(self, sessions: Sequence[str], session: Integers) -> None:
        if "" in sessions and len(sessions) > 1:
            count = np.count_nonzero(session == sessions.index(""))
            message = f"ratings without a session ({count}) are taken as one session"
            self.faults.add_warning("empty_session", message, None, "Give every rating its session.")


def _codes(table: Mapping[Any, int], column: Sequence[Any]) -> Integers:
    return np.fromiter(map(table.__getitem__, column), dtype=np.int64, count=len(column))


def _in_order(names: Sequence[str], codes: Integers) -> tuple[tuple[str, ...], Integers]:
    """The names in ascending order, and the codes that fit them."""
    order = sorted(range(len(names)), key=names.__getitem__)
    places = np.empty(len(names), dtype=np.int64)
    places[order] = np.arange(len(names))
    return tuple(names[i] for i in order), places[codes]
