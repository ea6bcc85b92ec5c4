"""The attributes of many images in one CSV that grows by a row per image and can be taken up again at any row.

Columns: name, width, height (of the decoded image), the attributes of the image as it is, the same with the suffix
_512 of the image scaled to a longest edge of 512 pixels, sha256 of the file. Values have six decimals.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path

from generation.attributes import COLUMNS
from generation.attributes.measure import at_edge, measure
from generation.fields import write_csv
from generation.files import whole_file
from generation.images import ImageFile, Unreadable, decode
from generation.parallel import in_order
from generation.problems import InvalidInput
from generation.progress import progress
from generation.tables import read_table

Row = tuple[str, ...]


@dataclass(frozen=True)
class Collected:
    """What `collect` did: rows written, how many of them stood in the file before, and why images are missing."""

    rows: int
    kept: int
    dropped: int
    unreadable: list[str]


def collect(images: Sequence[ImageFile], out: Path, *, workers: int) -> Collected:
    """Measure the images and write one row for each that can be read, in the order given.

    Rows that `out` holds already are kept where the file's sha256 is still theirs. Raises InvalidInput when `out` is
    another table, OSError when it cannot be written.
    """
    known = _resume(out)
    jobs = [(image, known.get(image.name)) for image in images]
    rows: list[Row] = []
    unreadable: list[str] = []
    kept = 0
    results = in_order(measure_file, jobs, workers=workers)
    bar = progress(results, total=len(jobs), unit="images", label="attributes")
    with out.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        for (image, before), result in zip(jobs, bar, strict=True):
            if isinstance(result, str):
                unreadable.append(f"{image.path}: {result}")
                continue
            rows.append(result)
            if result == before:
                kept += 1
            else:
                writer.writerow(result)
                stream.flush()
    with whole_file(out) as stream:
        write_csv(stream, COLUMNS, rows)
    return Collected(len(rows), kept, len(known.keys() - {image.name for image in images}), unreadable)


def read_attributes(path: Path) -> dict[str, dict[str, str]]:
    """{name: row as text} of a file that `collect` wrote. Raises InvalidInput when it is none."""
    table = read_table(path, COLUMNS)
    return dict(zip(table.unique("name"), table.rows, strict=True))


def _resume(out: Path) -> dict[str, Row]:
    """Rows by name of an unfinished or finished file, whose cut last line is removed; a new file gets its header."""
    header = ",".join(COLUMNS) + "\n"
    content = out.read_bytes() if out.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    if not whole and header.encode().startswith(content):
        out.write_text(header, encoding="utf-8", newline="\n")
        return {}
    if not whole.startswith(header.encode()):
        raise InvalidInput(f"{out}: exists and is no table of attributes; give --out another name")
    if whole != content:
        with out.open("r+b") as stream:
            stream.truncate(len(whole))
    rows = csv.reader(io.StringIO(whole.decode("utf-8", "replace"), newline=""))
    return {row[0]: tuple(row) for row in islice(rows, 1, None) if len(row) == len(COLUMNS)}


def measure_file(job: tuple[ImageFile, Row | None]) -> Row | str:
    """The row of an image (the known one if it is of the same bytes), or why there is none."""
    image, known = job
    try:
        content = image.path.read_bytes()
        digest = sha256(content).hexdigest()
        if known is not None and known[-1] == digest:
            return known
        rgb, _ = decode(content)
    except Unreadable as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    measured = (*measure(rgb).values(), *measure(at_edge(rgb)).values())
    height, width = rgb.shape[:2]
    return (image.name, str(width), str(height), *map("{:.6f}".format, measured), digest)
