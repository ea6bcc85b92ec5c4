"""The manifest of an import: which file is which image of the plan, and what is known of it.

    file,index,sha256,width,height,service,date
    a/0001.png,19500,ab12...,1024,1024,dall-e-3,2024-01-15

`file` is a path in the folder or zip. The image is named by one of the columns `name`, `index` (of the plan) or
`prompt` (when one image of the generator has it). `sha256`, `width` and `height` are compared with the file; without
the latter two the size must be the plan's. Further columns are kept in the record of the image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from generation.images import RGB, Unreadable, decode
from generation.importing.bundle import Bundle, Unusable
from generation.problems import InvalidInput
from generation.render.requests import ImageRequest
from generation.tables import Table, read_table

_IDENTIFIERS = ("name", "index", "prompt")
_CHECKED = ("file", "sha256", "width", "height", *_IDENTIFIERS)


@dataclass(frozen=True)
class Row:
    """A file that was found to be the image it is said to be. `notes` has the further columns."""

    place: str
    file: str
    request: ImageRequest
    notes: Mapping[str, str]


def read_manifest(path: Path, plan: Path, requests: Sequence[ImageRequest]) -> tuple[Table, list[Row]]:
    """The manifest and its rows, each with the image of the plan that it names; `requests` are those that may come.

    Raises InvalidInput naming every row that names none of them, or a file or an image of an earlier row.
    """
    table = read_table(path, ["file"])
    column = next((name for name in _IDENTIFIERS if name in table.columns), None)
    if column is None:
        raise InvalidInput(f"{path}: needs one of the columns {', '.join(_IDENTIFIERS)} to say which image a file is")
    table.unique("file")
    cells = table.unique(column)
    known = _by(column, plan, requests)
    problems = []
    rows = []
    for i, cell in enumerate(cells):
        found = known.get(cell, [])
        if len(found) == 1:
            notes = {key: value for key, value in table.rows[i].items() if key not in _CHECKED and value.strip()}
            rows.append(Row(table.place(i), table.rows[i]["file"].strip(), found[0], notes))
        else:
            what = "no image" if not found else f"{len(found)} images"
            problems.append(
                f"{table.place(i)}: {column} {cell[:80]!r} is that of {what} to import in the plan"
                + ("" if not found else "; name it by name or index")
            )
    if problems:
        raise InvalidInput(*problems)
    return table, rows


def _by(column: str, plan: Path, requests: Sequence[ImageRequest]) -> dict[str, list[ImageRequest]]:
    """The requests by the text that names them in a column of the plan."""
    if column == "index":
        planned = read_table(plan, ["name", "index"])
        label = {row["name"].strip(): row["index"].strip() for row in planned.rows}
    else:
        label = {request.name: getattr(request, column).strip() for request in requests}
    known: dict[str, list[ImageRequest]] = {}
    for request in requests:
        known.setdefault(label[request.name], []).append(request)
    return known


def check_file(row: Row, cells: Mapping[str, str], bundle: Bundle) -> tuple[RGB, bytes]:
    """Pixels and bytes of a row's file; `cells` is its row of the manifest. Raises Unusable when it is not as said."""
    content = bundle.read(row.file)
    wanted = cells.get("sha256", "").strip().lower()
    digest = sha256(content).hexdigest()
    if wanted and wanted != digest:
        raise Unusable(f"its sha256 is {digest}, the manifest says {wanted}")
    try:
        pixels, _ = decode(content)
    except Unreadable as error:
        raise Unusable(str(error)) from None
    height, width = pixels.shape[:2]
    said = cells.get("width", "").strip(), cells.get("height", "").strip()
    source = "the manifest" if any(said) else "the plan"
    expected = said if any(said) else (str(row.request.width), str(row.request.height))
    if expected != (str(width), str(height)):
        raise Unusable(f"it is {width} x {height} pixels, {source} says {expected[0]} x {expected[1]}")
    return pixels, content
