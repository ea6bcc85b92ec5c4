"""The fit plot: predictions over MOS with the fitted curve, as numbers (stored by the worker) and as SVG (page)."""

from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

import scoring

MOST_POINTS = 4000
WIDTH, HEIGHT, MARGIN = 640, 420, 48


def scatter_points(outcome: scoring.Evaluation) -> dict[str, Any] | None:
    """Points and curve of an evaluation, rounded for drawing; None where there is no fit or no axis can hold it.

    Keys `x`, `y` (at most MOST_POINTS, evenly thinned), `curve_x`, `curve_y` (101 points of equation 4).
    """
    import numpy as np

    if outcome.fit.reason:
        return None
    x, y = outcome.predictions, outcome.mos
    step = -(-len(x) // MOST_POINTS)
    with np.errstate(all="ignore"):  # predictions may span more than a float can
        curve_x = np.linspace(x.min(), x.max(), 101)
        curve_y = outcome.fit.predict(curve_x)
    if not (np.isfinite(curve_x).all() and np.isfinite(curve_y).all()):
        return None

    def rounded(values: Any) -> list[float]:
        return [float(f"{value:.5g}") for value in values]

    return {
        "x": rounded(x[::step]),
        "y": rounded(y[::step]),
        "curve_x": rounded(curve_x),
        "curve_y": rounded(curve_y),
    }


def scatter_svg(points: dict[str, Any]) -> SafeString:
    """An `<svg>` of `scatter_points`: no inline style (CSP), classes for colours, a text alternative, two axes."""
    x_axis, y_axis = _Axis(points["x"], MARGIN, WIDTH - 12), _Axis(points["y"], HEIGHT - MARGIN, 12)
    dots = "".join(f"M{x_axis(x):.1f} {y_axis(y):.1f}h0" for x, y in zip(points["x"], points["y"], strict=True))
    curve = " ".join(
        f"{x_axis(x):.1f},{y_axis(y):.1f}" for x, y in zip(points["curve_x"], points["curve_y"], strict=True)
    )
    ticks = format_html_join(
        "",
        '<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>',
        ((f"{x_axis(value):.1f}", HEIGHT - MARGIN + 18, f"{value:.3g}") for value in x_axis.ticks()),
    ) + format_html_join(
        "",
        '<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>',
        ((MARGIN - 6, f"{y_axis(value) + 4:.1f}", f"{value:.3g}") for value in y_axis.ticks()),
    )
    return format_html(
        '<svg class="scatter" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">'
        '<path class="axes" d="M{m} 12V{b}H{r}"/><path class="dots" d="{dots}"/>'
        '<polyline class="curve" points="{curve}"/>{ticks}'
        '<text class="axis-label" x="{mid}" y="{bottom}" text-anchor="middle">prediction</text>'
        '<text class="axis-label" x="14" y="{middle}" text-anchor="middle"'
        ' transform="rotate(-90 14 {middle})">MOS</text>'
        "</svg>",
        w=WIDTH,
        h=HEIGHT,
        m=MARGIN,
        b=HEIGHT - MARGIN,
        r=WIDTH - 12,
        dots=dots,
        curve=curve,
        ticks=ticks,
        mid=(MARGIN + WIDTH) // 2,
        bottom=HEIGHT - 8,
        middle=(HEIGHT - MARGIN) // 2,
        label=(
            f"Scatter plot of {len(points['x'])} images: predictions from {min(points['x']):.3g} to "
            f"{max(points['x']):.3g}, MOS from {min(points['y']):.3g} to {max(points['y']):.3g}, with the fitted curve."
        ),
    )


class _Axis:
    """A linear scale from data to SVG units."""

    def __init__(self, values: list[float], start: float, end: float) -> None:
        self.low, self.high = min(values), max(values)
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        clipped = min(max(value, self.low - 0.1 * span), self.high + 0.1 * span)
        return self.start + (clipped - self.low) / span * (self.end - self.start)

    def ticks(self) -> list[float]:
        return [self.low + (self.high - self.low) * step / 4 for step in range(5)]
