"""The plots of the diagnostics page as SVG inside it: what is seen without JavaScript, and until the data are there.

No inline style (CSP): classes give the colours, in both schemes. Text alternatives are `Figure.description` and tables.
"""

import math
from collections.abc import Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from scoring.residuals import round_step

WIDTH, HEIGHT = 480, 320
LEFT, RIGHT, TOP, BOTTOM = 46, WIDTH - 8, 8, HEIGHT - 40
TICKS = 5

Numbers = Sequence[float]


def svg_of(name: str, residuals: dict[str, Any]) -> SafeString:
    """The plot `scatter`, `residuals` or `distribution` of `Residuals.to_dict()`."""
    return {"scatter": _scatter, "residuals": _residuals, "distribution": _distribution}[name](residuals)


def _scatter(residuals: dict[str, Any]) -> SafeString:
    points, curve = residuals["points"], residuals["curve"]
    frame = _Frame(points["prediction"], points["mos"], "prediction", "MOS")
    return frame.svg(
        _band(frame, curve),
        frame.dots(points["prediction"], points["mos"]),
        frame.line(curve["prediction"], curve["mos"]),
    )


def _band(frame: "_Frame", curve: dict[str, Any]) -> SafeString:
    if not curve["low"]:
        return SafeString("")
    known = [
        edge
        for edge in zip(curve["prediction"], curve["low"], curve["high"], strict=True)
        if edge[1] is not None and edge[2] is not None
    ]
    outline = [(x, low) for x, low, _ in known] + [(x, high) for x, _, high in reversed(known)]
    return format_html('<polygon class="band" points="{}"/>', frame.path(outline))


def _residuals(residuals: dict[str, Any]) -> SafeString:
    points, mean = residuals["points"], residuals["running_mean"]
    frame = _Frame(points["prediction"], points["residual"], "prediction", "residual")
    return frame.svg(
        frame.dots(points["prediction"], points["residual"]),
        format_html('<path class="zero" d="M{} {}H{}"/>', LEFT, f"{frame.y(0.0):.1f}", RIGHT),
        frame.line(mean["prediction"], mean["residual"]),
    )


def _distribution(residuals: dict[str, Any]) -> SafeString:
    edges, counts = residuals["histogram"]["edges"], residuals["histogram"]["counts"]
    frame = _Frame(edges, [0, max(counts)], "residual", "images", margin=0)
    bars = "".join(
        f"M{frame.x(low):.1f} {BOTTOM}V{frame.y(count):.1f}H{frame.x(high):.1f}V{BOTTOM}"
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    )
    return frame.svg(format_html('<path class="bars" d="{}"/>', bars))


class _Frame:
    """Linear scales from data to SVG units, with axes and round ticks. What lies outside is drawn at the edge.

    `margin` is left free on each side of the data, as a share of their range.
    """

    def __init__(self, x: Numbers, y: Numbers, x_label: str, y_label: str, *, margin: float = 0.03) -> None:
        self.x_range, self.y_range = _padded(x, margin), _padded(y, margin)
        self.labels = x_label, y_label

    def x(self, value: float) -> float:
        """SVG x."""
        return LEFT + _share(value, self.x_range) * (RIGHT - LEFT)

    def y(self, value: float) -> float:
        """SVG y."""
        return BOTTOM - _share(value, self.y_range) * (BOTTOM - TOP)

    def path(self, points: Sequence[tuple[float, float]]) -> str:
        """The attribute `points` of a line or polygon."""
        return " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)

    def line(self, x: Numbers, y: Numbers) -> SafeString:
        """The fitted curve, or another line that matters."""
        return format_html('<polyline class="curve" points="{}"/>', self.path(list(zip(x, y, strict=True))))

    def dots(self, x: Numbers, y: Numbers) -> SafeString:
        """One dot for each pair."""
        marks = "".join(f"M{self.x(a):.1f} {self.y(b):.1f}h0" for a, b in zip(x, y, strict=True))
        return format_html('<path class="dots" d="{}"/>', marks)

    def svg(self, *layers: SafeString) -> SafeString:
        """The whole drawing. Its text alternative is beside it, so it is hidden from those who are read to."""
        return format_html(
            '<svg class="plot" viewBox="0 0 {} {}" aria-hidden="true" focusable="false">'
            '<path class="axes" d="M{left} {top}V{bottom}H{right}"/>{}{}'
            '<text x="{}" y="{}" text-anchor="middle">{}</text>'
            '<text x="12" y="{middle}" text-anchor="middle" transform="rotate(-90 12 {middle})">{}</text></svg>',
            WIDTH,
            HEIGHT,
            format_html_join("", "{}", ((layer,) for layer in layers)),
            self._ticks(),
            (LEFT + RIGHT) // 2,
            HEIGHT - 6,
            *self.labels,
            left=LEFT,
            top=TOP,
            bottom=BOTTOM,
            right=RIGHT,
            middle=(TOP + BOTTOM) // 2,
        )

    def _ticks(self) -> SafeString:
        along = ((f"{self.x(v):.1f}", BOTTOM + 16, "middle", f"{v:.12g}") for v in _round_values(*self.x_range))
        up = ((LEFT - 6, f"{self.y(v) + 4:.1f}", "end", f"{v:.12g}") for v in _round_values(*self.y_range))
        return format_html_join("", '<text x="{}" y="{}" text-anchor="{}">{}</text>', (*along, *up))


def _padded(values: Numbers, margin: float) -> tuple[float, float]:
    low, high = min(values), max(values)
    return low - margin * (high - low), high + margin * (high - low)


def _share(value: float, within: tuple[float, float]) -> float:
    low, high = within
    return min(max((value - low) / ((high - low) or 1.0), 0.0), 1.0)


def _round_values(low: float, high: float) -> list[float]:
    if low == high:
        return [low]
    step = round_step((high - low) / TICKS)
    return [multiple * step for multiple in range(math.ceil(low / step), math.floor(high / step) + 1)]
