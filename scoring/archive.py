"""Zip submissions, NTIRE style: one prediction file at the root and an optional readme.txt, read without extracting.

Contract: at most 10 members, 50 MB unpacked in all, stored or deflated, no folders, links or passwords; every member
is either read or named in an error, none is skipped. Declared sizes are not believed: real bytes are counted while
they are inflated. The directory is measured before it is parsed, so a forged one cannot make the parser work for
ever.
"""

from __future__ import annotations

import io
import math
import re
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Any

from scoring.problems import Problem, quoted

MAX_MEMBERS = 10
MAX_UNPACKED = 50_000_000
MAX_RATIO = 200
RATIO_FLOOR = 1 << 16  # below this size a high ratio harms nobody, and short repetitive files reach it honestly
MAX_DIRECTORY = 1 << 16
MAX_README = 1 << 16
_CHUNK = 1 << 16
_ENCRYPTED = 0x01 | 0x40  # general purpose flag bits: encrypted, strongly encrypted
# What the standard library raises on forged and broken archives, beside its own BadZipFile.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
_END_RECORD = struct.Struct("<4s4H2LH")
_ZIP_AGAIN = "Zip the prediction file alone, without its folder: zip -j submission.zip output.txt."
_ZIP_MAC = "Make the zip in Terminal: zip -X -j submission.zip output.txt (Finder adds hidden files)."


class ArchiveError(ValueError):
    """The archive cannot be read; `problems` says why."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class ArchivedPredictions:
    """The prediction file of an archive: its bytes, its name, and what the readme declares (see `parse_readme`)."""

    content: bytes
    name: str
    method: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()


def is_zip(content: bytes) -> bool:
    """Whether the bytes begin as a zip archive does."""
    return content.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"))


def read_archive(content: bytes) -> ArchivedPredictions:
    """The one prediction file in the archive and the fields of its readme. Raises ArchiveError."""
    _check_directory_size(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _read_members(archive)
    except ArchiveError:
        raise
    except _DAMAGED as error:
        raise _failure(
            "damaged_zip", f"the zip archive is damaged: {_first_line(error)}", "Zip the file again."
        ) from None


def _read_members(archive: zipfile.ZipFile) -> ArchivedPredictions:
    members = archive.infolist()
    problems = _member_problems(members)
    if problems:
        raise ArchiveError(problems)
    left = MAX_UNPACKED
    method: dict[str, Any] = {}
    warnings: list[Problem] = []
    for readme in (member for member in members if _is_readme(member.filename)):
        raw = _unpack(archive, readme, MAX_README)
        left -= len(raw)
        method, warnings = parse_readme(raw.decode("utf-8-sig", errors="replace"))
    (predictions,) = (member for member in members if not _is_readme(member.filename))
    return ArchivedPredictions(_unpack(archive, predictions, left), predictions.filename, method, tuple(warnings))


def _check_directory_size(content: bytes) -> None:
    """Refuse a missing or oversized central directory before the standard library parses it entry by entry."""
    position = content.rfind(b"PK\x05\x06", max(0, len(content) - _END_RECORD.size - 0xFFFF))
    if position < 0 or position + _END_RECORD.size > len(content):
        raise _failure("damaged_zip", "the zip archive is incomplete: its end is missing", "Zip and upload it again.")
    _, _, _, _, entries, size, _, _ = _END_RECORD.unpack_from(content, position)
    if content[max(0, position - 20) : position].startswith(b"PK\x06\x07"):
        raise _failure("damaged_zip", "the archive is in the zip64 format, meant for files over 4 GB", _ZIP_AGAIN)
    if entries > MAX_MEMBERS or size > MAX_DIRECTORY:
        raise _failure("too_many_members", f"the zip holds more than {MAX_MEMBERS} files", _ZIP_AGAIN)


def _member_problems(members: list[zipfile.ZipInfo]) -> list[Problem]:
    """Faults of single members, or else of the set of them."""
    if len(members) > MAX_MEMBERS:
        return [Problem("too_many_members", f"the zip holds more than {MAX_MEMBERS} files", None, _ZIP_AGAIN)]
    if any(member.filename == "[Content_Types].xml" for member in members):
        return [Problem("wrong_format", "the file is an Excel workbook, not CSV", None, "In Excel: save as CSV UTF-8.")]
    problems = [problem for member in members if (problem := _member_problem(member)) is not None]
    return problems or _set_problems(members)


def _set_problems(members: list[zipfile.ZipInfo]) -> list[Problem]:
    """Exactly one prediction file, at most one readme, and an acceptable size in all."""
    readmes = [member.filename for member in members if _is_readme(member.filename)]
    predictions = [member.filename for member in members if not _is_readme(member.filename)]
    problems = []
    if not predictions:
        fix = "Put output.txt at the root of the zip."
        problems.append(Problem("no_predictions", "the zip holds no prediction file", None, fix))
    if len(predictions) > 1:
        listed = ", ".join(quoted(name, 40) for name in predictions)
        message = f"the zip holds several prediction files: {listed}"
        problems.append(Problem("several_predictions", message, None, "Keep one of them."))
    if len(readmes) > 1:
        problems.append(Problem("several_readmes", "the zip holds several readme files", None, "Keep one of them."))
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        problems.append(_too_large())
    return problems


def _member_problem(member: zipfile.ZipInfo) -> Problem | None:
    """Why one member is not acceptable, or None; the first of these faults is the one worth telling."""
    shown = quoted(member.orig_filename, 60)
    name = member.orig_filename.replace("\\", "/")
    leaf = name.rstrip("/").rsplit("/", 1)[-1]
    usual = member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    wanted = _is_readme(name) or name.lower().endswith((".csv", ".txt"))
    of_macos = name.startswith("__MACOSX") or leaf == ".DS_Store" or leaf.startswith("._")
    nested = "/" in name or ":" in name or "\0" in name
    only = f"the zip holds {shown}: only .csv, .txt and readme.txt belong there"
    faults = (
        (of_macos, "macos_metadata", f"the zip holds {shown}, which macOS added", _ZIP_MAC),
        (nested, "nested_path", f"the zip holds {shown}: files must be at its root", _ZIP_AGAIN),
        (stat.S_ISLNK(member.external_attr >> 16), "symlink", f"{shown} is a link, not a file", "Zip the file itself."),
        (member.flag_bits & _ENCRYPTED, "encrypted", f"{shown} is protected by a password", "Zip without a password."),
        (not usual, "compression", f"{shown} is packed by an uncommon method", "Use the usual method, deflate."),
        (not wanted, "unexpected_member", only, _ZIP_AGAIN),
    )
    return next((Problem(code, message, None, fix) for applies, code, message, fix in faults if applies), None)


def _is_readme(name: str) -> bool:
    return re.fullmatch(r"read[_-]?me(\.txt|\.md)?", name, re.IGNORECASE) is not None


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    """Inflate one member, counting real bytes against the limit and the ratio; the checksum is verified at the end."""
    chunks: list[bytes] = []
    size = 0
    allowed = max(RATIO_FLOOR, MAX_RATIO * max(member.compress_size, 1))
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise ArchiveError([_too_large()])
            if size > allowed:
                message = f"{quoted(member.filename, 60)} unpacks to more than {MAX_RATIO} times its packed size"
                raise _failure("zip_bomb", message, "Send the CSV itself, without zip.")
            chunks.append(chunk)
    return b"".join(chunks)


def _too_large() -> Problem:
    return Problem("too_large", f"the zip unpacks to more than {MAX_UNPACKED // 1_000_000} MB", None, _ZIP_AGAIN)


def _failure(code: str, message: str, fix: str) -> ArchiveError:
    return ArchiveError([Problem(code, message, None, fix)])


def _first_line(error: BaseException) -> str:
    return quoted(str(error).split("\n", 1)[0] or type(error).__name__, 120)


_README_FIELDS = (
    ("runtime_s", re.compile(r"run\s*-?time\b.*", re.IGNORECASE)),
    ("device", re.compile(r"cpu\s*\[1\]\s*/\s*gpu\s*\[0\]", re.IGNORECASE)),
    ("extra_data", re.compile(r"extra data\s*\[1\]\s*/\s*no extra data\s*\[0\]", re.IGNORECASE)),
    ("description", re.compile(r"(other )?description", re.IGNORECASE)),
)


def parse_readme(text: str) -> tuple[dict[str, Any], list[Problem]]:
    """Fields of an NTIRE readme.txt and warnings about those it could not read.

    Keys: runtime_s (float, seconds per image, >= 0), device ("cpu" | "gpu"), extra_data (bool), description (str, to
    the end of the file). Lines before the description that match no field are warned about, not dropped in silence.
    """
    fields: dict[str, Any] = {}
    warnings: list[Problem] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        label, colon, value = line.partition(":")
        key = next((key for key, pattern in _README_FIELDS if pattern.fullmatch(label.strip())), None)
        if key == "description" and colon:
            fields[key] = "\n".join([value.strip(), *(rest.rstrip() for rest in lines[number:])]).strip()
            break
        if key is None or not colon:
            if line.strip():
                message = f"readme.txt, line {number}: not understood: {quoted(line, 60)}"
                warnings.append(Problem("readme_line", message, number))
            continue
        parsed = _readme_value(key, value.strip())
        if parsed is None:
            message = (
                f"readme.txt, line {number}: {quoted(value.strip(), 40)} is no value for {quoted(label.strip(), 60)}"
            )
            warnings.append(Problem("readme_value", message, number))
        else:
            fields[key] = parsed
    return fields, warnings


def _readme_value(key: str, value: str) -> float | str | bool | None:
    if key == "runtime_s":
        try:
            seconds = float(re.sub(r"\s*(s|sec|seconds?)$", "", value, flags=re.IGNORECASE))
        except ValueError:
            return None
        return seconds if math.isfinite(seconds) and seconds >= 0 else None
    if value not in ("0", "1"):
        return None
    return ("cpu" if value == "1" else "gpu") if key == "device" else value == "1"
