"""Figures for papers, as SVG and PDF: one column wide, the same bytes for the same numbers, no colour without a shape.

matplotlib is imported when the first figure is asked for: it takes a second and 60 MB, which no page should cost. Only
its object interface is used, and one figure is drawn at a time: pyplot, and some of what lies below, is not made for
several threads. Text is never read as mathematics, because names come from people.

Fonts: PDF embeds DejaVu Sans, where scripts that it lacks (Chinese, Japanese, Korean) become boxes; SVG keeps its text
as text.
"""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import caches
from django.http import HttpResponse

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CONTENT_TYPES = {"svg": "image/svg+xml", "pdf": "application/pdf"}
CACHE_SECONDS = 600
COLUMN_INCHES = 3.35  # of a page in two columns

# Okabe and Ito 2008: told apart with any colour vision.
BLUE, SKY, ORANGE, VERMILION, GREY = "#0072B2", "#56B4E9", "#E69F00", "#D55E00", "#666666"

_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "text.parse_math": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "figure",
}
_drawing = threading.RLock()


def cached(key: str, make: Callable[[], bytes]) -> bytes:
    """What `make` draws, from this process's memory while it is there: many may ask for a new figure at once.

    Nothing else is drawn meanwhile, so `make` may use matplotlib in ways that are not made for several threads.
    """
    memory = caches["local"]
    content: bytes | None = memory.get(key)
    if content is None:
        with _drawing:
            _find_fonts_in_state()
            content = memory.get(key)
            if content is None:
                content = make()
                memory.set(key, content, CACHE_SECONDS)
    return content


def _find_fonts_in_state() -> None:
    """Let matplotlib keep its list of fonts where this process may write, whoever imports it first."""
    os.environ.setdefault("MPLCONFIGDIR", str(settings.STATE_DIR / "matplotlib"))


def rendered(draw: Callable[[Axes], None], kind: str, *, height: float) -> bytes:
    """What `draw` puts on a pair of axes, as a file of this kind (a key of CONTENT_TYPES); `height` in inches."""
    with _drawing:
        _find_fonts_in_state()
        import matplotlib as mpl
        from matplotlib.figure import Figure

        # For this figure only: what others draw in this process keeps its own style.
        with mpl.rc_context(_STYLE), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            figure = Figure(figsize=(COLUMN_INCHES, height), layout="constrained")
            draw(figure.add_subplot())
            file = io.BytesIO()
            dateless = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
            figure.savefig(file, format=kind, metadata=dateless)
    return file.getvalue()


def download(content: bytes, kind: str, name: str) -> HttpResponse:
    """A figure as a file to keep: an SVG has styles of its own, which a page of this site may not have."""
    response = HttpResponse(content, content_type=CONTENT_TYPES[kind])
    response["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return response
