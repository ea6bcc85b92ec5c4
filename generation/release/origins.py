"""How the database was made: the plan, the prompts and their funnel, copied into the release."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

from generation.fields import write_csv
from generation.problems import InvalidInput
from generation.release.columns import KNOWN, OPINIONS
from generation.tables import read_table


def plan_csv(path: Path, names: Set[str]) -> str:
    """Known columns of the plan and its rows of the images in `names`, in ascending order of name.

    Width and height are those that were planned.
    """
    table = read_table(path, ["name"])
    known = {"name", "index", "width", "height"} | KNOWN.keys() - OPINIONS.keys()
    columns = [column for column in table.columns if column in known]
    rows = sorted((row for row in table.rows if row["name"] in names), key=lambda row: row["name"])
    return _csv(columns, ([row[column] for column in columns] for row in rows))


def prompts_csv(path: Path) -> str:
    """The table of prompts as it is. Raises InvalidInput when it holds opinions: one prompt is often one image."""
    table = read_table(path, ["prompt"])
    if opinions := [column for column in table.columns if column in OPINIONS]:
        raise InvalidInput(f"{path}: holds {', '.join(opinions)}, which would tell hidden scores; take the columns out")
    return _csv(table.columns, (list(row.values()) for row in table.rows))


def prompt_funnel(path: Path) -> str:
    """The text of the report on the choice of prompts. Raises InvalidInput when it is not JSON."""
    try:
        text = path.read_text("utf-8")
        json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"{path}: is not JSON: {error}") from None
    return text


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    stream = io.StringIO()
    write_csv(stream, columns, rows)
    return stream.getvalue()
