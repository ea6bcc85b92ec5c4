"""The figures of one analysis for papers: the numbers of `figures`, drawn by `core.plots`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from challenge.analyses.figures import Figure, Row
from challenge.core.plots import BLUE, GREY, ORANGE, SKY, VERMILION, rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 2.4
HEIGHT_OF_MARK = 0.17
MANY = 1000  # from so many images on, smaller and fainter dots


def figure_file(figure: Figure, kind: str) -> bytes:
    """A figure that `is_drawn`, as "svg" or "pdf"."""
    if figure.marks:
        return rendered(lambda axes: _intervals(axes, figure), kind, height=0.6 + HEIGHT_OF_MARK * len(figure.marks))
    draw = {"scatter": _scatter, "residuals": _residuals, "distribution": _distribution}[figure.name]
    return rendered(lambda axes: draw(axes, figure), kind, height=HEIGHT)


def _scatter(axes: Axes, figure: Figure) -> None:
    images, curve = _series(figure, "image"), _series(figure, "curve")
    x = [row[2] for row in curve]
    known = [row for row in curve if row[4] is not None and row[5] is not None]
    _dots(axes, images)
    if known:
        axes.fill_between(
            [row[2] for row in known],
            [row[4] for row in known],
            [row[5] for row in known],
            color=ORANGE,
            alpha=0.4,
            linewidth=0,
            label="95 % band",
        )
    axes.plot(x, [row[3] for row in curve], color=VERMILION, label="fitted logistic")
    _limits(axes.set_ylim, [row[3] for row in images])
    axes.set(xlabel="prediction", ylabel="MOS")
    _legend(axes, images, "lower right" if curve[-1][3] > curve[0][3] else "lower left")


def _residuals(axes: Axes, figure: Figure) -> None:
    images, mean = _series(figure, "image"), _series(figure, "mean")
    _dots(axes, images)
    axes.axhline(0, color=GREY, linewidth=0.6, linestyle="--")
    axes.plot([row[2] for row in mean], [row[3] for row in mean], color=VERMILION, label="running mean")
    axes.set(xlabel="prediction", ylabel="MOS − mapped prediction")
    _legend(axes, images, "upper right")


def _distribution(axes: Axes, figure: Figure) -> None:
    low, high, counts = zip(*figure.rows, strict=True)
    widths = [b - a for a, b in zip(low, high, strict=True)]
    axes.bar(low, counts, width=widths, align="edge", color=SKY, edgecolor="white", linewidth=0.4)
    axes.axvline(0, color=GREY, linewidth=0.6, linestyle="--")
    axes.set(xlabel="MOS − mapped prediction", ylabel="images")


def _intervals(axes: Axes, figure: Figure) -> None:
    """Values with whiskers, the first on top."""
    for place, mark in enumerate(figure.marks):
        if mark.interval:
            axes.plot(mark.interval, [place, place], color=BLUE, marker="|", markersize=4, linewidth=1)
        if mark.value is not None:
            axes.plot([mark.value], [place], color=VERMILION, marker="o", markersize=3, linestyle="none")
    axes.set_yticks(range(len(figure.marks)), [mark.label for mark in figure.marks])
    axes.set_ylim(len(figure.marks) - 0.5, -0.5)
    axes.grid(axis="x", linewidth=0.3, color="#dddddd")
    axes.set_axisbelow(True)
    axes.locator_params(axis="x", nbins=6)
    axes.set_xlabel("SRoCC")


def _series(figure: Figure, series: str) -> list[Row]:
    return [row for row in figure.rows if row[0] == series]


def _dots(axes: Axes, images: Sequence[Row]) -> None:
    many = len(images) > MANY
    axes.plot(
        [row[2] for row in images],
        [row[3] for row in images],
        linestyle="none",
        marker="o",
        markersize=1.2 if many else 2.2,
        markeredgewidth=0,
        color=BLUE,
        alpha=0.35 if many else 0.55,
        label="image",
    )


def _legend(axes: Axes, images: Sequence[Row], place: Literal["lower right", "lower left", "upper right"]) -> None:
    """In a given place: to look for the best one takes seconds with many images."""
    axes.legend(loc=place, markerscale=3 if len(images) > MANY else 1)


def _limits(set_limits: Callable[[float, float], object], values: Sequence[float]) -> None:
    """Room for the images: a band may run far out at the ends."""
    margin = 0.05 * (max(values) - min(values))
    set_limits(min(values) - margin, max(values) + margin)
