"""Figure 3 of the paper: how image attributes are distributed when one generation parameter is not the default.

Four panels: the whole database, and the images whose iterations, CFG or resolution are adjusted. Each has one curve
per attribute: the probability of 10 bins of equal width over the normalised attribute,
(v - q0.5 %) / (q99.5 % - q0.5 %) clipped to 0 ... 1, with the quantiles of the whole database in every panel (an
attribute that does not vary is 0). The numbers also hold the two-sample Kolmogorov-Smirnov distance of each subset to
the whole database, on the normalised values.

The same numbers give the same bytes of SVG and PDF with one version of matplotlib.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from generation.attributes import ATTRIBUTES, EDGE
from generation.fields import finite
from generation.plotting import render, write
from generation.problems import InvalidInput
from generation.tables import Table, read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 10
PANELS = {
    "whole database": None,
    "iterations adjusted": "iteration_default",
    "CFG adjusted": "cfg_default",
    "resolution adjusted": "resolution_default",
}
LABELS = {"light": "Light", "contrast": "Contrast", "colour": "Colour", "blur": "Blur", "si": "SI"}
# Okabe and Ito's colours, told apart with every kind of colour vision, and a dash pattern for printing in gray.
STYLES: dict[str, tuple[str, Any]] = {
    "light": ("#0072B2", "-"),
    "contrast": ("#E69F00", "--"),
    "colour": ("#009E73", "-."),
    "blur": ("#D55E00", ":"),
    "si": ("#CC79A7", (0, (5, 1, 1, 1, 1, 1))),
}

Floats = NDArray[np.float64]


def read_flags(plan: Path) -> dict[str, dict[str, bool]]:
    """{image name: {flag: whether the parameter is the default}} of a plan. Raises InvalidInput with the line."""
    return flags_in(read_table(plan, ["name", *filter(None, PANELS.values())]))


def flags_in(table: Table) -> dict[str, dict[str, bool]]:
    """The same of a table that is read already and has all columns. Raises InvalidInput with the line."""
    flags = [flag for flag in PANELS.values() if flag]
    found: dict[str, dict[str, bool]] = {}
    problems = []
    for i, name in enumerate(table.unique("name")):
        found[name] = {}
        for flag in flags:
            text = table.rows[i][flag]
            value = {"true": True, "1": True, "false": False, "0": False}.get(text.strip().lower())
            if value is None:
                problems.append(f"{table.place(i)}: {flag} {text!r} is neither true nor false")
            else:
                found[name][flag] = value
    if problems:
        raise InvalidInput(*problems)
    return found


def figure3(
    attributes: Mapping[str, Mapping[str, str]], flags: Mapping[str, Mapping[str, bool]], *, native: bool = False
) -> dict[str, Any]:
    """The numbers of the figure, JSON-safe; only images that both mappings name are in it.

    native: take the values of the images as they are, not at a longest edge of 512 pixels. Raises InvalidInput when no
    image is in both or a value is no number.
    """
    names = [name for name in attributes if name in flags]
    if not names:
        raise InvalidInput("no image is in both the attributes and the plan: the names must be the same")
    values = {a: _column(attributes, names, a if native else f"{a}_{EDGE}") for a in ATTRIBUTES}
    ranges = {a: [float(q) for q in np.quantile(v, [0.005, 0.995])] for a, v in values.items()}
    scaled = {a: _normalised(v, *ranges[a]) for a, v in values.items()}
    edges = np.arange(BINS + 1) / BINS
    panels = []
    for title, flag in PANELS.items():
        chosen = np.array([flag is None or not flags[name][flag] for name in names])
        n = int(np.count_nonzero(chosen))
        panel: dict[str, Any] = {"title": title, "n": n, "probability": {}, "ks": {}}
        for attribute, whole in scaled.items():
            part = whole[chosen]
            counts = np.histogram(part, edges)[0]
            panel["probability"][attribute] = (counts / n).tolist() if n else None
            panel["ks"][attribute] = _ks(part, whole) if n else None
        panels.append(panel)
    return {
        "figure": 3,
        "size": "native" if native else f"longest edge {EDGE}",
        "n": len(names),
        "bins": edges.tolist(),
        "ranges": ranges,
        "panels": panels,
    }


def draw(numbers: Mapping[str, Any], path: Path) -> None:
    """Write the figure as SVG or PDF, or its numbers as JSON, by the ending of the name (one of plotting.FORMATS)."""
    write(numbers, path, lambda kind: drawn(numbers, kind))


def drawn(numbers: Mapping[str, Any], kind: str) -> bytes:
    """The figure as a file, "svg" or "pdf"."""

    def panels(figure: Figure) -> None:
        axes = figure.subplots(1, len(numbers["panels"]), sharey=True)
        for letter, axis, panel in zip("abcd", axes, numbers["panels"], strict=True):
            _draw_panel(axis, letter, panel, np.array(numbers["bins"]))
        axes[0].set_ylabel(f"probability ({BINS} bins)")
        axes[0].set_ylim(0, None)  # once for all panels, when all curves are there
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(ATTRIBUTES), frameon=False)

    return render(panels, kind, size=(7.2, 2.1), salt="figure 3")


def _draw_panel(axis: Any, letter: str, panel: Mapping[str, Any], edges: Floats) -> None:
    centres = (edges[1:] + edges[:-1]) / 2
    for attribute, (colour, dashes) in STYLES.items():
        probability = panel["probability"][attribute]
        if probability is not None:
            axis.plot(centres, probability, color=colour, linestyle=dashes, linewidth=1.2, label=LABELS[attribute])
    axis.set_title(f"({letter}) {panel['title']}\nn = {panel['n']:,}", fontsize=8)
    axis.set_xlabel("normalised attribute")
    axis.set_xlim(0, 1)
    axis.set_xticks([0, 0.5, 1])


def _column(attributes: Mapping[str, Mapping[str, str]], names: list[str], column: str) -> Floats:
    values = [finite(attributes[name][column]) for name in names]
    if bad := [name for name, value in zip(names, values, strict=True) if value is None]:
        raise InvalidInput(*(f"{column} of {name!r} is not a number: measure that image again" for name in bad))
    return np.array(values, dtype=np.float64)


def _normalised(values: Floats, low: float, high: float) -> Floats:
    if high <= low:
        return np.zeros_like(values)
    return np.asarray(np.clip((values - low) / (high - low), 0, 1))


def _ks(part: Floats, whole: Floats) -> float:
    """The largest difference of the two empirical distribution functions."""
    part, whole = np.sort(part), np.sort(whole)
    # Both functions only step at the values of `whole`, which holds those of `part`.
    difference = np.searchsorted(part, whole, "right") / part.size - np.searchsorted(whole, whole, "right") / whole.size
    return float(np.abs(difference).max())
