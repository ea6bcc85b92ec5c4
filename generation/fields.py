"""Fields of CSV files: text that spells a number, and values as text."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from typing import IO, Any


def finite(text: str) -> float | None:
    """The finite number that a field spells; None where it spells none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def write_csv(stream: IO[str], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A header and rows, LF. None is an empty field, truth is true or false, numbers keep every digit."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([str(value).lower() if isinstance(value, bool) else value for value in row] for row in rows)
