"""Prompts from files: TXT, CSV, TSV, JSON Lines and Parquet, the first four also compressed with gzip.

- TXT: one prompt per line.
- CSV: RFC 4180 with a header line.
- TSV: text/tab-separated-values with a header line; a line is a row, quotes mean nothing, and in a field `\\t`, `\\n`,
  `\\r` and `\\\\` stand for tab, line feed, carriage return and backslash.
- JSON Lines: one object per line.
- Parquet: a column of strings.

Lines end with LF or CRLF; nothing else ends a line, so a prompt may hold CR or U+2028. UTF-8, with or without
byte-order mark, unless another encoding is named. What cannot be read is refused with file, line and fix, not
guessed; at most a few problems are collected.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generation.problems import InvalidInput
from generation.progress import progress

FORMATS = {".txt": "txt", ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
PROMPT_COLUMNS = ("prompt", "Prompt", "caption", "text")
# metadata.parquet of DiffusionDB: every image has a name of its own, prompts repeat.
DIFFUSIONDB = {"image_name", "prompt", "part_id"}
_ESCAPE = re.compile(r"\\([\\tnr])")
_ESCAPED = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}
_MAX_PROBLEMS = 20

Cells = tuple[int, Any, Any]  # line or row from 1, prompt, id or None


@dataclass(slots=True)
class Row:
    """One prompt as it was found: `place` is its line (TXT, CSV, TSV, JSON Lines) or row (Parquet) from 1; `damaged`
    says that it holds U+FFFD, the sign for bytes or surrogates that are no text."""

    id: str
    text: str
    file: str
    place: int
    damaged: bool


@dataclass(frozen=True)
class Source:
    """How to read: names of columns (None: the known ones), format (None: by the file's ending), encoding, and whether
    undecodable bytes are replaced or refused."""

    column: str | None = None
    id_column: str | None = None
    format: str | None = None
    encoding: str = "utf-8"
    replace_bad_bytes: bool = False


def read_prompts(paths: Sequence[Path], source: Source | None = None) -> list[Row]:
    """All rows of all files in order, those with an empty prompt too (blank lines are no rows). Rows without an id
    are numbered p0000001, p0000002, ...

    Raises InvalidInput when a file cannot be understood, holds no row, or an id occurs twice; OSError when it cannot be
    opened.
    """
    source = source or Source()
    try:
        codecs.lookup(source.encoding)
    except LookupError:
        raise InvalidInput(
            f"--encoding {source.encoding}: no such encoding; for instance utf-8, cp1252, utf-16"
        ) from None
    rows: list[Row] = []
    for path in paths:
        before = len(rows)
        cells = _reader(path, source)(path, source)
        for place, text, identifier in progress(cells, total=None, unit="rows", label=f"reading {path.name}"):
            sound, damaged = _sound(text or "")
            given = f"p{len(rows) + 1:07d}" if identifier is None else str(identifier)
            rows.append(Row(given, sound, path.name, place, damaged))
        if len(rows) == before:
            raise InvalidInput(f"{path}: holds no prompts")
    _refuse_double_ids(rows)
    return rows


def _reader(path: Path, source: Source) -> Callable[[Path, Source], Iterator[Cells]]:
    readers = {"txt": _txt, "csv": _csv, "tsv": _tsv, "jsonl": _jsonl, "parquet": _parquet}
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    format_ = source.format or FORMATS.get(suffix)
    if format_ is None:
        known = ", ".join(FORMATS)
        raise InvalidInput(
            f"{path}: unknown format {suffix or 'without ending'}; known are {known} (all but .parquet also with .gz): "
            f"rename the file or say --format {{{','.join(readers)}}}"
        )
    return readers[format_]


def _txt(path: Path, source: Source) -> Iterator[Cells]:
    for number, line in _lines(path, source):
        if line.strip():
            yield number, line, None


def _tsv(path: Path, source: Source) -> Iterator[Cells]:
    lines = ((number, line) for number, line in _lines(path, source) if line)
    header = next(lines, (0, ""))[1].split("\t")
    column, id_column = _columns(path, header, source)
    problems = []
    for number, line in lines:
        fields = line.split("\t")
        if len(fields) != len(header):
            problems.append(_wrong_width(path, number, fields, header, "write a tab inside a field as \\t"))
            if len(problems) == _MAX_PROBLEMS:
                break
            continue
        yield number, _unescaped(fields[column]), None if id_column is None else _unescaped(fields[id_column])
    if problems:
        raise InvalidInput(*problems)


def _csv(path: Path, source: Source) -> Iterator[Cells]:
    reader = csv.reader((line + "\n" for _, line in _lines(path, source)), strict=True)
    start = 1
    problems = []
    try:
        header = next(reader, [""])
        column, id_column = _columns(path, header, source)
        start = reader.line_num + 1
        for fields in reader:
            if fields and len(fields) != len(header):
                problems.append(
                    _wrong_width(path, start, fields, header, "put a field that holds commas in double quotes")
                )
                if len(problems) == _MAX_PROBLEMS:
                    break
            elif fields:
                yield start, fields[column], None if id_column is None else fields[id_column]
            start = reader.line_num + 1
    except csv.Error as error:
        raise InvalidInput(
            *problems,
            f"{path}:{start}: is not CSV from here on ({error}); a field with quotes or line breaks needs quotes "
            "around it, and the quotes inside doubled",
        ) from None
    if problems:
        raise InvalidInput(*problems)


def _jsonl(path: Path, source: Source) -> Iterator[Cells]:
    names: tuple[str, str | None] | None = None
    for number, line in _lines(path, source):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{path}:{number}: is not JSON ({error}); write one object per line") from None
        if not isinstance(value, dict):
            raise InvalidInput(f'{path}:{number}: is no object; write one per line, such as {{"prompt": "a red fox"}}')
        if names is None or names[0] not in value or (names[1] is not None and names[1] not in value):
            keys = list(value)
            column, id_column = _columns(path, keys, source, number)
            names = keys[column], None if id_column is None else keys[id_column]
        text = value[names[0]]
        if text is not None and not isinstance(text, str):
            raise InvalidInput(f"{path}:{number}: {names[0]} is {type(text).__name__}, not a text; put it in quotes")
        yield number, text, None if names[1] is None else value[names[1]]


def _parquet(path: Path, source: Source) -> Iterator[Cells]:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            column, id_column = _columns(path, names, source)
            kind = file.schema_arrow.field(column).type
            if pyarrow.types.is_dictionary(kind):
                kind = kind.value_type
            if not (pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)):
                raise InvalidInput(
                    f"{path}: the column {names[column]} holds {kind}, not text; name another with --column"
                )
            wanted = [names[column], *([] if id_column is None else [names[id_column]])]
            row = 0
            for batch in file.iter_batches(columns=wanted):
                texts = batch.column(wanted[0]).to_pylist()
                ids = [None] * len(texts) if id_column is None else batch.column(wanted[1]).to_pylist()
                for text, identifier in zip(texts, ids, strict=True):
                    row += 1
                    yield row, text, identifier
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: cannot be read as Parquet ({error}); write it again") from None


def _wrong_width(path: Path, line: int, fields: Sequence[str], header: Sequence[str], fix: str) -> str:
    return f"{path}:{line}: {len(fields)} fields where the header has {len(header)}; {fix}"


def _columns(path: Path, names: Sequence[str], source: Source, line: int = 1) -> tuple[int, int | None]:
    """Places of the prompt and of the id (None: number the rows) among the names of a header."""
    place = f"{path}:{line}" if line > 1 else str(path)

    def find(name: str, option: str) -> int:
        if list(names).count(name) == 1:
            return list(names).index(name)
        what = "no column" if name not in names else "more than one column"
        raise InvalidInput(f"{place}: {what} {name}; it has {', '.join(names) or 'none'}. Name one with {option}")

    if list(names) == [""]:
        raise InvalidInput(f"{path}: holds no prompts, not even a header line")
    column = source.column or next((name for name in PROMPT_COLUMNS if name in names), PROMPT_COLUMNS[0])
    if source.id_column is not None:
        return find(column, "--column"), find(source.id_column, "--id-column")
    return find(column, "--column"), find("image_name", "--id-column") if set(names) >= DIFFUSIONDB else None


def _lines(path: Path, source: Source) -> Iterator[tuple[int, str]]:
    """(number from 1, line without its end). The first line comes without its byte-order mark."""
    encoding = codecs.lookup(source.encoding).name
    errors = "replace" if source.replace_bad_bytes else "strict"
    wide = encoding.startswith(("utf-16", "utf-32"))
    try:
        with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as stream:
            # In UTF-16 and UTF-32 the byte 0x0A is no sign of a line's end: such files are decoded as a whole.
            pieces: Iterable[bytes] = [stream.read()] if wide else stream
            number = 0
            for piece in pieces:
                try:
                    text = piece.decode(encoding, errors)
                except UnicodeDecodeError as error:
                    raise _undecodable(path, number + 1, error, encoding) from None
                for line in text.removesuffix("\n").split("\n"):
                    number += 1
                    yield number, (line.removeprefix("\ufeff") if number == 1 else line).removesuffix("\r")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InvalidInput(f"{path}: is no complete gzip file ({error}); fetch or compress it again") from None


def _undecodable(path: Path, line: int, error: UnicodeDecodeError, encoding: str) -> InvalidInput:
    line += error.object[: error.start].count(b"\n")
    if error.object[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return InvalidInput(f"{path}:{line}: is not {encoding} but looks like UTF-16; say --encoding utf-16")
    byte = error.object[error.start]
    guess = "cp1252" if encoding == "utf-8" else "utf-8"
    return InvalidInput(
        f"{path}:{line}: byte 0x{byte:02X} is not {encoding}; say --encoding with the right one (perhaps {guess}), or "
        "--bad-bytes replace to have such bytes removed in cleaning"
    )


def _sound(text: str) -> tuple[str, bool]:
    """The text without lone surrogates (paired ones become their character), and whether anything in it is lost."""
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text, "\N{REPLACEMENT CHARACTER}" in text


def _unescaped(field: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED[match[1]], field) if "\\" in field else field


def _refuse_double_ids(rows: Sequence[Row]) -> None:
    seen: dict[str, Row] = {}
    problems = []
    for row in rows:
        first = seen.setdefault(row.id, row)
        if first is not row or not row.id.strip():
            what = (
                f"the id {row.id} is that of {first.file}:{first.place}, too" if row.id.strip() else "the id is empty"
            )
            problems.append(f"{row.file}:{row.place}: {what}; leave out --id-column to have the rows numbered")
    if problems:
        raise InvalidInput(*problems)
