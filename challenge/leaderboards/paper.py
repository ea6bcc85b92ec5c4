"""The board as a figure for papers: main scores with their intervals, in groups, reference rows between."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from challenge.contests.models import Phase
from challenge.core.plots import BLUE, GREY, VERMILION, rendered
from challenge.leaderboards.board import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 50  # what one page holds
HEIGHT_OF_ROW = 0.165
LONGEST_LABEL = 28


def board_file(rows: Sequence[Row], kind: str, *, display: Phase.RankDisplay) -> bytes:
    """The first MOST_ROWS rows that have a score, best on top, as "svg" or "pdf". Ranks and groups as the page has."""
    shown = [(row.rank_value, row) for row in rows if row.rank_value is not None][:MOST_ROWS]
    height = 0.65 + HEIGHT_OF_ROW * max(len(shown), 3)
    return rendered(lambda axes: _draw(axes, shown, display), kind, height=height)


def _draw(axes: Axes, scored: Sequence[tuple[float, Row]], display: Phase.RankDisplay) -> None:
    rows = [row for _, row in scored]
    for place, (value, row) in enumerate(scored):
        colour, marker = (GREY, "D") if row.is_reference else (VERMILION, "o")
        if row.interval:
            line = GREY if row.is_reference else BLUE
            axes.plot(row.interval, [place, place], color=line, marker="|", markersize=4, linewidth=1)
        fill = "white" if row.is_reference else colour
        axes.plot([value], [place], color=colour, marker=marker, markersize=3.2, markerfacecolor=fill)
    if display != Phase.RankDisplay.STRICT:
        _separate_groups(axes, rows)
    axes.set_yticks(range(len(rows)), [_label(row, display) for row in rows])
    axes.set_ylim(max(len(rows), 3) - 0.5, -0.5)
    axes.grid(axis="x", linewidth=0.3, color="#dddddd")
    axes.set_axisbelow(True)
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel("main score with 95 % interval")


def _separate_groups(axes: Axes, rows: Sequence[Row]) -> None:
    """A dashed line above the first row of each group but the first."""
    grouped = [(place, row.group) for place, row in enumerate(rows) if row.group is not None]
    for (_, before), (place, group) in itertools.pairwise(grouped):
        if group != before:
            axes.axhline(place - 0.5, color=GREY, linewidth=0.6, linestyle="--")


def _label(row: Row, display: Phase.RankDisplay) -> str:
    place = row.group if display == Phase.RankDisplay.GROUPS else row.rank
    name = row.label if len(row.label) <= LONGEST_LABEL else row.label[: LONGEST_LABEL - 1] + "…"
    name = f"{name}, late" if row.is_late else name
    return name if place is None else f"{place}  {name}"
