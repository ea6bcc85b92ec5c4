"""Figures 6 and 7 as SVG and PDF: the numbers of `parameters` and `lengths`, drawn by `generation.plotting`.

Groups are told apart by their colours (Okabe and Ito's), marks and places at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from generation.plotting import render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SPREADS = {"std": "standard deviation", "ci95": "95 % interval"}
TITLES = {"cfg": "(a) CFG", "iterations": "(b) iterations", "resolution": "(c) resolution"}
_KINDS = {"default": ("#0072B2", "o", "default"), "abnormal": ("#D55E00", "s", "another value")}
_LENGTHS = (("#0072B2", "o"), ("#E69F00", "s"), ("#009E73", "^"), ("#CC79A7", "D"))
_ROW_INCHES = 0.24
_GAP = 0.18  # of a row, between the marks of one model


def figure6_file(numbers: Mapping[str, Any], kind: str, *, adjusted: bool = False, spread: str = "std") -> bytes:
    """Figure 6 as "svg" or "pdf": means with bars of `spread` (of SPREADS), as they are or `adjusted`."""
    panels = numbers["panels"]
    rows = max(1, *(len(panel["models"]) for panel in panels))

    def draw(figure: Figure) -> None:
        axes = figure.subplots(1, len(panels), sharex=True)
        for axis, panel in zip(axes, panels, strict=True):
            for name, (colour, marker, label) in _KINDS.items():
                groups = [one[name]["adjusted"] if adjusted else one[name] for one in panel["models"]]
                shift = _GAP if name == "abnormal" else -_GAP
                _marks(axis, groups, shift, spread, color=colour, marker=marker, label=label)
            _rows(axis, [one["model"] for one in panel["models"]])
            axis.set_title(TITLES[panel["factor"]], fontsize=8)
            axis.set_xlabel("adjusted MOS" if adjusted else "MOS")
        handles, labels = axes[0].get_legend_handles_labels()
        title = f"bars: {SPREADS[spread]}"
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, title=title)

    return render(draw, kind, size=(7.2, 1.1 + _ROW_INCHES * rows), salt="figure 6")


def figure7_file(numbers: Mapping[str, Any], kind: str) -> bytes:
    """Figure 7 as "svg" or "pdf": a row per model, a mark with its 95 % interval per length."""
    models = numbers["models"]
    count = max(1, len(numbers["lengths"]))

    def draw(figure: Figure) -> None:
        axis = figure.subplots()
        for place, label in enumerate(numbers["lengths"]):
            colour, marker = _LENGTHS[place]
            groups = [one["groups"][place] for one in models]
            shift = 2 * _GAP * (place - (count - 1) / 2) / max(1, count - 1) * 1.6
            _marks(axis, groups, shift, "ci95", color=colour, marker=marker, label=label.replace("<=", "≤ "))
        _rows(axis, [one["model"] for one in models])
        axis.set_xlabel(f"MOS of {numbers['rows']}, with 95 % intervals")
        handles, labels = axis.get_legend_handles_labels()
        title = f"length of the prompt in {numbers['unit']}"
        figure.legend(handles, labels, loc="outside lower center", ncols=count, frameon=False, title=title)

    return render(draw, kind, size=(3.35, 1.1 + 1.6 * _ROW_INCHES * max(1, len(models))), salt="figure 7")


def _marks(axis: Axes, groups: list[Mapping[str, Any] | None], shift: float, spread: str, **style: Any) -> None:
    """A mark per group that has a mean, with its bar if it has one."""
    shown = [(row + shift, one) for row, one in enumerate(groups) if one is not None and one["mean"] is not None]
    axis.errorbar(
        [one["mean"] for _, one in shown],
        [row for row, _ in shown],
        xerr=[one[spread] or 0 for _, one in shown],
        linestyle="none",
        markersize=3,
        elinewidth=0.8,
        **style,
    )


def _rows(axis: Axes, names: list[str]) -> None:
    axis.set_yticks(range(len(names)), names, fontsize=7)
    axis.set_ylim(max(1, len(names)) - 0.5, -0.5)
    axis.grid(axis="x", linewidth=0.3, color="#dddddd")
    axis.set_axisbelow(True)
