"""Figures as files for papers: SVG, PDF, or JSON with the numbers. The same numbers give the same bytes.

matplotlib is imported when something is drawn, and only its object interface is used. It is not made for several
threads: who draws in more than one holds a lock. Text is never read as mathematics, because names come from people.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generation.files import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".svg", ".pdf", ".json")
_STYLE: Any = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "pdf.fonttype": 42,  # TrueType: publishers refuse bitmap fonts
    "svg.fonttype": "none",
    "text.parse_math": False,
}


def render(draw: Callable[[Figure], None], kind: str, *, size: tuple[float, float], salt: str) -> bytes:
    """What `draw` puts on a figure of `size` inches, as "svg" or "pdf". `salt` makes the ids in an SVG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    file = io.BytesIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": salt}):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        figure.savefig(file, format=kind, metadata={"CreationDate" if kind == "pdf" else "Date": None})
    return file.getvalue()


def write(numbers: Mapping[str, Any], path: Path, drawn: Callable[[str], bytes]) -> None:
    """Write `numbers` if the name ends in .json, else what `drawn` makes of "svg" or "pdf"."""
    if path.suffix == ".json":
        with whole_file(path) as stream:
            json.dump(numbers, stream, indent=1)
            stream.write("\n")
        return
    content = drawn(path.suffix[1:])
    with whole_file(path, "wb") as binary:
        binary.write(content)


def figure_path(text: str) -> Path:
    """A path as an option that names a figure. Raises ArgumentTypeError for a name with another ending."""
    path = Path(text)
    if path.suffix not in FORMATS:
        raise argparse.ArgumentTypeError(f"{text!r} ends in none of {', '.join(FORMATS)}")
    return path
