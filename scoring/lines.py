"""The lines of a prediction file: decoding, header, the fast way for good lines and the patient way for bad ones.

Contract: a good line costs about a microsecond; whatever is not plainly good goes through `_explain`, which decides
on one fault per line and words it. A faulty line still counts as naming its image where that is clear, so that one
mistake is not reported twice (once as faulty, once as missing).
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from array import array
from collections.abc import Iterable
from itertools import islice
from typing import TextIO

from scoring.names import NameIndex, base_name
from scoring.problems import Problem, ProblemLog, quoted

MAX_LINE = 4096
_INF = float("inf")
_NAME_HEADERS = frozenset(
    {
        *("name", "names", "image", "images", "img", "image_name", "imagename", "img_name", "file", "filename"),
        *("file_name", "path", "video", "video_name", "id"),
    }
)
_SCORE_HEADERS = frozenset(
    {
        *(
            "score",
            "scores",
            "prediction",
            "predictions",
            "pred",
            "preds",
            "predicted",
            "mos",
            "pred_score",
            "pred_mos",
        ),
        *("predicted_score", "predicted_mos", "quality", "quality_score", "value", "output", "result"),
    }
)
_OTHER_FORMATS = (
    (b"\x1f\x8b", "a gzip file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"PAR1", "a Parquet file"),
    (b"\x93NUMPY", "a numpy array"),
)
_SAVE_UTF8 = "Save the file as UTF-8 text (in Excel: CSV UTF-8)."


def decoding_problem(content: bytes, filename: str = "") -> Problem | None:
    """Why the bytes cannot be read as UTF-8 text, with line and byte, or None when they can."""
    if not content.strip(b" \t\r\n\xef\xbb\xbf"):
        return Problem("empty_file", "the file is empty", None, "Write one line name,score per image.")
    return _other_format(content, filename) or _not_utf8(content)


def _other_format(content: bytes, filename: str) -> Problem | None:
    if filename.lower().endswith(".zip"):
        return Problem("damaged_zip", "the file is called .zip but is not a zip archive", None, "Zip the file again.")
    for magic, kind in _OTHER_FORMATS:
        if content.startswith(magic):
            return Problem("wrong_format", f"the file is {kind}, not CSV", None, "Send a CSV or a zip holding one.")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or _looks_utf16(content):
        return Problem("utf16", "the file is UTF-16 text", 1, _SAVE_UTF8)
    return None


def _not_utf8(content: bytes) -> Problem | None:
    position = content.find(b"\0")
    if position >= 0:
        line = _line_of(content, position)
        return Problem("nul_byte", f"line {line} holds a NUL byte (byte {position + 1} of the file)", line, _SAVE_UTF8)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = _line_of(content, error.start)
        message = f"line {line} is not UTF-8: byte 0x{content[error.start]:02X} (byte {error.start + 1} of the file)"
        return Problem("not_utf8", message, line, _SAVE_UTF8)
    return None


def open_text(content: bytes) -> TextIO:
    """The text of checked bytes, decoded piecewise; LF, CRLF and CR all end a line, a byte-order mark is dropped."""
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=None)


def _looks_utf16(content: bytes) -> bool:
    head = content[:200]
    nuls = head[1::2].count(0), head[0::2].count(0)
    return len(head) >= 8 and max(nuls) > 0.4 * len(head) / 2 and min(nuls) == 0


def _line_of(content: bytes, position: int) -> int:
    before = content[:position]
    return 1 + before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")


class LineReader:
    """Reads `name,score` lines into `found` and `scores`, and everything wrong into the faults.

    `names` is the list to match (None: any name will do). After `finish`, `rows` counts data lines and `missing` lists
    names that no line accounts for.
    """

    def __init__(self, names: Iterable[str] | None, faults: ProblemLog, max_rows: int) -> None:
        self.index = None if names is None else NameIndex(names)
        self.faults = faults
        # Ten times the list is more than an honest mistake; beyond, explaining every line only costs time.
        self.max_rows = max_rows if self.index is None else min(max_rows, 10 * len(self.index.names) + 10_000)
        self._stopped = False
        self.found: list[str] = []
        self.scores: array[float] = array("d")
        self.rows = 0
        self.missing: list[str] = []
        self._lines: dict[str, int] = {}  # name -> line that gave its score
        self._accounted: set[str] = set()  # names a faulty line was about
        self._header: list[str] | None = None
        self._swapped_header: int | None = None  # its line

    def read(self, text: TextIO) -> None:
        """Read every line."""
        found, scores, lines = self.found, self.scores, self._lines
        expected = None if self.index is None else self.index.names
        max_lines = 2 * self.max_rows + 1000  # blank lines cost time as well
        for number, line in enumerate(islice(text, max_lines), 1):
            name, _, rest = line.partition(",")
            name = name.strip()
            try:
                score = float(rest)
            except ValueError:
                score = _INF
            good = name in expected if expected is not None else _plain_name(name)
            if good and -_INF < score < _INF and name not in lines and "_" not in rest and len(line) <= MAX_LINE:
                if not rest.isascii():
                    self._explain(number, line)
                    continue
                lines[name] = number
                found.append(name)
                scores.append(score)
                self.rows += 1
                if self.rows > self.max_rows:
                    self._too_many(number)
                    return
            elif line.strip():
                self._explain(number, line)
                if self.rows > self.max_rows:
                    self._too_many(number)
                    return
        if not self._stopped and next(text, None) is not None:
            self._too_many(max_lines)

    def finish(self) -> None:
        """Faults of the file as a whole: no rows, missing names, one fault that all lines share."""
        if self.rows == 0:
            if not self.faults.counts:
                self.faults.add(
                    "empty_file", "the file has a header but no rows", None, "Write one line name,score per image."
                )
            return
        for code in ("wrong_delimiter", "decimal_comma", "extra_columns", "swapped_columns", "path_in_name"):
            self.faults.collapse(code, self.rows)
        if self._swapped_header and not self.faults.counts["swapped_columns"]:
            message = "the header has the score first and the name second, the rows do not"
            self.faults.add("swapped_header", message, self._swapped_header, "Write name,score.")
        if self.index is not None and not self._stopped:
            self.missing = [n for n in self.index.ordered if n not in self._lines and n not in self._accounted]
            self.faults.add_missing(self.missing)

    def _too_many(self, number: int) -> None:
        self._stopped = True
        message = f"more than {self.max_rows} rows: reading stopped at line {number}"
        self.faults.add_last(Problem("too_many_rows", message, number, "Send one line per image."))

    # ----- lines that are not plainly good

    def _explain(self, number: int, line: str) -> None:
        """Accept a quoted line or a header, or record the one fault that best explains the line."""
        line = line.strip("\r\n")
        if len(line) > MAX_LINE:
            self.rows += 1
            self.faults.add("line_too_long", f"line {number} has more than {MAX_LINE} characters", number)
            return
        fields = _split(line)
        if fields is None:
            self.rows += 1
            self.faults.add(
                "bad_quotes", f"line {number}: a quotation mark is not closed", number, 'Write "name",score.'
            )
            return
        if self.rows == 0 and self._header is None and self._is_header(fields):
            self._header = fields
            words = [field.lower() for field in fields]
            if len(words) == 2 and words[0] in _SCORE_HEADERS and words[1] in _NAME_HEADERS:
                self._swapped_header = number
            return
        self.rows += 1
        if self._delimiter_fault(number, line, fields) or self._column_fault(number, fields):
            return
        name, score = fields
        if not name:
            self.faults.add("empty_name", f"line {number} has no name", number, "Write name,score.")
            return
        self._name_and_score(number, name, score)

    def _is_header(self, fields: list[str]) -> bool:
        if len(fields) < 2:
            fields = re.split(r"[;\t]", fields[0])
        words = [field.strip().lower() for field in fields]
        if any(parse_number(word) is not None for word in words) or any(self._known(field) for field in fields):
            return False
        if any(word in _NAME_HEADERS or word in _SCORE_HEADERS for word in words):
            return True
        return len(words) > 1 and not any(re.search(r"[\d./\\]", word) for word in words) and all(words)

    def _delimiter_fault(self, number: int, line: str, fields: list[str]) -> bool:
        """A line whose first field still holds a semicolon, tab or space before a number uses another delimiter."""
        for delimiter, word in ((";", "a semicolon"), ("\t", "a tab"), ("|", "a bar"), (None, "a space")):
            if delimiter is None and len(fields) > 1:
                continue
            parts = line.split(delimiter) if delimiter is None else fields[0].split(delimiter)
            if len(parts) < 2 or self._known(fields[0]):
                continue
            tail = line.rsplit(delimiter, 1)[1].strip().strip('"')
            is_score = parse_number(tail.replace(",", ".")) is not None
            if not is_score and (delimiter is None or len(fields) > 1):
                continue  # part of a name, not a delimiter
            self._account(parts[0].strip().strip('"'))
            fix = "Separate name and score by a comma."
            if "," in tail:
                fix = "Separate name and score by a comma and write decimals with a point: name,3.14."
            self.faults.add("wrong_delimiter", f"line {number}: name and score are separated by {word}", number, fix)
            return True
        return False

    def _column_fault(self, number: int, fields: list[str]) -> bool:
        if len(fields) == 2:
            return False
        if len(fields) == 1:
            self._account(fields[0])
            self.faults.add(
                "empty_score", f"line {number} has one column only: {quoted(fields[0])}", number, "Write name,score."
            )
            return True
        two_expected = self._header is None or len(self._header) == 2
        if len(fields) == 3 and two_expected and re.fullmatch(r"[+-]?\d+", fields[1]) and fields[2].isdigit():
            self._account(fields[0])
            example = f"{fields[1]}.{fields[2]}"[:40]
            self.faults.add(
                "decimal_comma", f"line {number}: the score has a decimal comma", number, f"Write {example}."
            )
            return True
        named = self._header[2:] if self._header and len(self._header) == len(fields) else fields[2:]
        fix = "Keep two columns: name,score."
        if self._known(fields[1]) or (self._header and self._header[0] == ""):
            self._account(fields[1])
            named, fix = fields[:1], "The first column is an index: write the file without it (pandas: index=False)."
        else:
            self._account(fields[0])
        if all(not text for text in fields[2:]):
            fix = "Remove the comma at the end of the line."
        what = ", ".join(quoted(text, 40) for text in named[:5])
        self.faults.add("extra_columns", f"line {number} has {len(fields)} columns; not expected: {what}", number, fix)
        return True

    def _name_and_score(self, number: int, name: str, score: str) -> None:
        value = parse_number(score)
        if self._swapped(name, score, value):
            self._account(score)
            self.faults.add(
                "swapped_columns", f"line {number} has the score first and the name second", number, "Write name,score."
            )
            return
        if self._name_fault(number, name):
            return
        if value is None or not -_INF < value < _INF:
            self._account(name)
            self._score_fault(number, name, score, value)
            return
        self._lines[name] = number
        self.found.append(name)
        self.scores.append(value)

    def _swapped(self, name: str, score: str, value: float | None) -> bool:
        if parse_number(name) is None or self._known(name):
            return False
        return self._known(score) or (value is None and score != "" and re.search(r"[A-Za-z]", score) is not None)

    def _name_fault(self, number: int, name: str) -> bool:
        """Record a fault of the name: repeated, with a folder, spelt differently, unknown."""
        if name in self._lines:
            first = self._lines[name]
            self.faults.add(
                "duplicate_name",
                f"line {number}: {quoted(name)} was given on line {first} already",
                number,
                "Keep one line.",
            )
            return True
        if self._known(name):
            return False
        if "/" in name or "\\" in name:
            base = base_name(name)
            self._account(base)
            fix = f"Give the file name alone: {quoted(base)}."
            self.faults.add("path_in_name", f"line {number}: {quoted(name)} has a folder in front", number, fix)
            return True
        if self.index is None:
            return False
        near = self.index.similar(name)
        if near is not None:
            self._accounted.add(near)
            message = f"line {number}: {quoted(name)} is not in the list, {quoted(near)} is"
            self.faults.add("similar_name", message, number, f"Write {quoted(near)}.")
            return True
        fix = "Use the names of the images of this phase, one line each."
        self.faults.add("unknown_name", f"line {number}: {quoted(name)} is not one of the names to score", number, fix)
        return True

    def _score_fault(self, number: int, name: str, score: str, value: float | None) -> None:
        if value is not None:
            message = f"line {number}: the score of {quoted(name)} is {quoted(score, 40)}, not a finite number"
            self.faults.add("not_finite", message, number, "Give every image a finite score.")
        elif not score:
            self.faults.add("empty_score", f"line {number}: {quoted(name)} has no score", number, "Write name,score.")
        elif re.fullmatch(r"[+-]?\d+,\d+(e[+-]?\d+)?", score, re.IGNORECASE):
            fix = f"Write {score.replace(',', '.')[:40]}."
            self.faults.add("decimal_comma", f"line {number}: the score has a decimal comma", number, fix)
        else:
            message = f"line {number}: the score of {quoted(name)} is {quoted(score, 40)}, not a number"
            self.faults.add("bad_score", message, number, "Write a number such as 3.14 or 1.2e-3.")

    def _known(self, name: str) -> bool:
        return self.index is not None and name in self.index.names

    def _account(self, name: str) -> None:
        """Note that a faulty line was about this image (or the one it resembles), so it is not also called missing."""
        if self.index is None:
            return
        match = name if name in self.index.names else self.index.similar(name)
        if match is not None:
            self._accounted.add(match)


def _plain_name(name: str) -> bool:
    """A name that needs no second look when there is no list to compare with."""
    return (
        name != "" and '"' not in name and "/" not in name and "\\" not in name and ";" not in name and "\t" not in name
    )


def _split(line: str) -> list[str] | None:
    """Fields of one CSV line, stripped; None when a quotation mark is left open."""
    if '"' not in line:
        return [field.strip() for field in line.split(",")]
    try:
        rows = list(csv.reader([line.strip()], strict=True, skipinitialspace=True))
    except csv.Error:
        return None
    return [field.strip() for field in rows[0]] if rows else [""]


def parse_number(text: str) -> float | None:
    """The number a text spells (nan and inf included), or None. Underscores and non-ASCII digits do not count."""
    if "_" in text or not text.isascii():
        return None
    try:
        return float(text)
    except ValueError:
        return None
