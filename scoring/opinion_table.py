"""A light table of opinion scores: columns by name, readable in a notebook, written as CSV, pandas only on request."""

from __future__ import annotations

import csv
import html
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

COLUMNS = ("image", "mos", "std", "n", "ci95")
_SHOWN = 10  # rows in a notebook


@dataclass(frozen=True, eq=False)
class OpinionTable:
    """One row per image in ascending order of name; `len` is their number, `table["mos"]` a column.

    `image`: names; `mos`: in [0, 5]; `std`: standard deviation of the opinions; `n`: number of subjects behind it,
    int64; `ci95`: half-width of the 95 % confidence interval of `mos`. All of shape (rows,), nan where undefined.
    """

    image: tuple[str, ...]
    mos: Floats = field(repr=False)
    std: Floats = field(repr=False)
    n: NDArray[np.int64] = field(repr=False)
    ci95: Floats = field(repr=False)

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, column: str) -> Any:
        """A column by name. Raises KeyError."""
        if column not in COLUMNS:
            raise KeyError(f"no column {column!r}; there are {', '.join(COLUMNS)}")
        return getattr(self, column)

    def rows(self) -> Iterator[dict[str, Any]]:
        """{column: value} per image, Python numbers, None where undefined."""
        columns = [self.image, *(getattr(self, name).tolist() for name in COLUMNS[1:])]
        for row in zip(*columns, strict=True):
            yield {
                name: None if isinstance(value, float) and math.isnan(value) else value
                for name, value in zip(COLUMNS, row, strict=True)
            }

    def as_mapping(self) -> dict[str, float]:
        """{image: MOS} of the images that have one: an answer key for `scoring.evaluate`."""
        return {row["image"]: row["mos"] for row in self.rows() if row["mos"] is not None}

    def write_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the columns with a header, numbers with all their digits, undefined ones as empty cells."""
        with Path(path).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows())

    def to_frame(self) -> Any:
        """A pandas DataFrame with the same columns. Raises ImportError where pandas is not installed."""
        import pandas as pd

        return pd.DataFrame({name: self[name] for name in COLUMNS})

    def _repr_html_(self) -> str:
        """The first rows, for notebooks."""
        head = "".join(f"<th>{name}</th>" for name in COLUMNS)
        body = []
        for row, _ in zip(self.rows(), range(_SHOWN), strict=False):
            cells = (
                "" if v is None else f"{v:.4f}" if isinstance(v, float) else html.escape(str(v)) for v in row.values()
            )
            body.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        more = f"<p>{len(self)} images</p>"
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>{more}"
