"""The images of a study as an organiser sends them: a list (CSV) and the files it names (a zip, or a folder).

CSV with a header, UTF-8: `name,prompt,translation,group` and, where needed, `role` (main, gold, warmup, anchor), `low`
and `high` (the range of a gold image's or an anchor's score) and `translation_source`. Only `name` must be there;
without a group an image is dealt out when the study opens. `read_list` raises InvalidList with every fault by line.
"""

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from challenge.study.models import Study, StudyImage
from scoring.lines import decoding_problem, parse_number
from scoring.problems import ProblemLog, Report, quoted

COLUMNS = ("name", "prompt", "translation", "group", "role", "low", "high", "translation_source")
MAX_LIST_BYTES = 50_000_000
MAX_IMAGE_BYTES = 50_000_000
MAX_GROUP = 10_000
_HEADER_FIX = "Start the list with the line name,prompt,translation,group."


class InvalidList(ValueError):
    """The list or its files cannot be used; `report` has every problem by line."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.summary)
        self.report = report


@dataclass(frozen=True)
class Entry:
    """One line of a list. `low`, `high`: of gold images and anchors only."""

    line: int
    name: str
    prompt: str
    translation: str
    translation_source: str
    role: str
    group: int | None
    low: float | None
    high: float | None


class Files:
    """Files by name: the whole path or, where only one has it, its last part."""

    def __init__(self, paths: Iterable[str], read: Callable[[str], bytes]) -> None:
        self._read = read
        self._found: dict[str, list[str]] = {}
        for path in paths:
            for name in {path, PurePosixPath(path).name}:
                self._found.setdefault(name, []).append(path)

    def paths(self, name: str) -> list[str]:
        """Those that `name` may mean."""
        return self._found.get(name, [])

    def read(self, name: str) -> bytes:
        """The content of the file that `name` means. Raises OSError, zipfile.BadZipFile."""
        return self._read(self._found[name][0])


def files_in_zip(stream: IO[bytes]) -> Files:
    """The files of an archive. Raises zipfile.BadZipFile."""
    archive = zipfile.ZipFile(stream)
    sizes = {info.filename: info.file_size for info in archive.infolist() if not info.is_dir()}

    def read(path: str) -> bytes:
        if sizes[path] > MAX_IMAGE_BYTES:
            raise OSError(f"is larger than {MAX_IMAGE_BYTES // 1_000_000} MB")
        try:
            return archive.read(path)
        except (RuntimeError, NotImplementedError):  # a password; a method that is not known
            raise OSError("cannot be unpacked: zip it without a password") from None

    return Files(sizes, read)


def files_in_folder(folder: Path) -> Files:
    """The files below a folder."""
    paths = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return Files(paths, lambda path: (folder / path).read_bytes())


def read_list(content: bytes, study: Study, files: Files) -> list[Entry]:
    """The entries of a list whose files are all there. Raises InvalidList."""
    faults, entries, lines = ProblemLog(), [], 0
    if (problem := decoding_problem(content)) is not None:
        faults.add(problem.code, problem.message, problem.line, _HEADER_FIX if problem.code == "empty_file" else "")
    elif len(content) > MAX_LIST_BYTES:
        faults.add("too_large", f"the list is larger than {MAX_LIST_BYTES // 1_000_000} MB")
    else:
        seen = dict.fromkeys(study.images.values_list("name", flat=True), 0)
        for line, row in _rows(content.decode("utf-8-sig"), faults):
            lines += 1
            try:
                entry = _entry(line, row, study, files)
            except _Fault as fault:
                faults.add(fault.code, f"line {line}: {fault}", line, fault.fix)
                continue
            if entry.name in seen:
                where = f"on line {seen[entry.name]}" if seen[entry.name] else "in the study"
                faults.add("duplicate_name", f"line {line}: {quoted(entry.name)} is {where} already", line, "")
                continue
            seen[entry.name] = line
            entries.append(entry)
        if not lines and not faults.counts:
            faults.add("empty_file", "the list names no image", None, _HEADER_FIX)
    report = faults.report(rows=lines)
    if not report.ok:
        raise InvalidList(report)
    return entries


def _rows(text: str, faults: ProblemLog) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            first, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip().lower() for cell in cells]
                if not _header_is_good(header, first, faults):
                    return
            elif len(cells) != len(header):
                message = f"line {first} has {len(cells)} cells, not {len(header)}"
                faults.add("columns", message, first, "Quote texts that hold a comma.")
            else:
                yield first, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except csv.Error:
        faults.add("bad_quotes", f"line {line}: the quotation marks do not match", line, "Close every quotation mark.")


def _header_is_good(header: list[str], line: int, faults: ProblemLog) -> bool:
    before = sum(faults.counts.values())
    if "name" not in header:
        faults.add("no_header", f"line {line}: the header has no column name", line, _HEADER_FIX)
    for column in dict.fromkeys(header):
        if column not in COLUMNS:
            fix = f"Known are {', '.join(COLUMNS)}."
            faults.add("unknown_column", f"line {line}: column {quoted(column, 40)} is not known", line, fix)
        elif header.count(column) > 1:
            faults.add("repeated_column", f"line {line}: column {quoted(column, 40)} occurs twice", line, "Keep one.")
    return sum(faults.counts.values()) == before


class _Fault(Exception):
    """What is wrong with one line: the first thing found, and how to put it right."""

    def __init__(self, code: str, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.code, self.fix = code, fix


def _entry(line: int, row: dict[str, str], study: Study, files: Files) -> Entry:
    """Raises _Fault."""
    name, role = row["name"], row.get("role", "") or StudyImage.Role.MAIN
    if not name or len(name) > 200:
        raise _Fault("empty_name", "the name is missing or longer than 200 characters")
    if role not in StudyImage.Role.values:
        fix = "Write main, gold, warmup or anchor, or leave it empty."
        raise _Fault("unknown_role", f"{quoted(role, 40)} is no role", fix)
    if not files.paths(name):
        raise _Fault("no_file", f"{quoted(name)} is not among the files")
    if len(files.paths(name)) > 1:
        raise _Fault("no_file", f"{quoted(name)} is there more than once among the files", "Write the whole path.")
    low, high = _range(row, role, study)
    return Entry(
        line=line,
        name=name,
        prompt=row.get("prompt", ""),
        translation=row.get("translation", ""),
        translation_source=row.get("translation_source", "")[:120],
        role=role,
        group=_group(row.get("group", ""), role),
        low=low,
        high=high,
    )


def _group(cell: str, role: str) -> int | None:
    if not cell:
        return None
    if role != StudyImage.Role.MAIN or not (cell.isdecimal() and len(cell) < 9 and int(cell) <= MAX_GROUP):
        fix = f"Write a whole number from 0 to {MAX_GROUP:,}; other images than main ones have none."
        raise _Fault("bad_group", f"{quoted(cell, 40)} cannot be the group", fix)
    return int(cell)


def _range(row: dict[str, str], role: str, study: Study) -> tuple[float | None, float | None]:
    cells = row.get("low", ""), row.get("high", "")
    if role not in (StudyImage.Role.GOLD, StudyImage.Role.ANCHOR):
        if any(cells):
            raise _Fault("bad_range", "only gold images and anchors have a range", "Leave low and high empty.")
        return None, None
    low, high = (parse_number(cell) for cell in cells)
    if low is None or high is None or not study.scale_low <= low <= high <= study.scale_high:
        fix = f"Write low and high within {study.scale_low} to {study.scale_high}."
        raise _Fault("bad_range", f"an image with the role {role} needs the range of its score", fix)
    return low, high
