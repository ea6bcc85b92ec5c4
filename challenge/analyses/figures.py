"""The figures of one analysis: what each is called and says, and the numbers behind it.

One table of numbers per figure is what its CSV and JSON hold and what its drawings show: `inline` draws it for pages,
`paper` for papers, `static/site/diagnostics.js` for people with a mouse.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

Row = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Mark:
    """One line of a figure of intervals; `value` and `interval` are None where undefined."""

    label: str
    value: float | None
    interval: Sequence[float] | None


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure, or a mere table. `description` is read out in its place. `marks` are there for intervals."""

    name: str
    title: str
    caption: str
    header: tuple[str, ...]
    rows: list[Row]
    description: str = ""
    marks: list[Mark] = dataclasses.field(default_factory=list)

    @property
    def is_drawn(self) -> bool:
        """Whether there is more than the table."""
        return bool(self.description)


def figures_of(result: dict[str, Any], diagnostics: dict[str, Any]) -> dict[str, Figure]:
    """All figures by name, in the order of the page: of `Evaluation.to_dict()` and `Diagnostics.to_dict()`."""
    found = []
    if residuals := diagnostics["residuals"]:
        found += [
            _scatter(diagnostics["n"], result["rmse"], residuals),
            _residuals(residuals),
            _distribution(residuals),
        ]
    found.append(_ranges(diagnostics["ranges"]))
    # Sorted: PostgreSQL keeps the keys of a document in an order of its own.
    subsets = [(column, groups) for column, groups in sorted(result["subsets"].items()) if groups]
    found += [_subset(number, *subset) for number, subset in enumerate(subsets, start=1)]
    if residuals:
        found.append(_worst(residuals["misses"]))
    found.append(_misplaced(diagnostics["misplaced"]))
    return {figure.name: figure for figure in found}


def _scatter(n: int, rmse: float, residuals: dict[str, Any]) -> Figure:
    points, curve = residuals["points"], residuals["curve"]
    lows, highs = (curve[edge] or [None] * len(curve["mos"]) for edge in ("low", "high"))
    drawn = len(points["name"])
    caption = ["Each dot is one image. The line is the five-parameter logistic that PLCC and RMSE use."]
    if drawn < n:
        caption.append(
            f"{drawn:,} of {n:,} images are drawn: the worst, and others that are the same in every submission."
        )
    if curve["low"]:
        caption.append("The band says where the line might lie had other images been drawn (95 % at each prediction).")
    caption.append(f"The images themselves scatter round the line by {rmse:.3f} (RMSE).")
    return Figure(
        name="scatter",
        title="MOS over prediction",
        caption=" ".join(caption),
        header=("series", "name", "prediction", "mos", "low", "high"),
        rows=[
            ("image", name, x, y, None, None)
            for name, x, y in zip(points["name"], points["prediction"], points["mos"], strict=True)
        ]
        + [
            ("curve", "", x, y, low, high)
            for x, y, low, high in zip(curve["prediction"], curve["mos"], lows, highs, strict=True)
        ],
        description=(
            f"Scatter plot of {drawn:,} images: {_span('predictions', points['prediction'])}, "
            f"{_span('MOS', points['mos'])}. The fitted curve goes from a MOS of {curve['mos'][0]:.3g} at the smallest "
            f"prediction to {curve['mos'][-1]:.3g} at the largest."
        ),
    )


def _residuals(residuals: dict[str, Any]) -> Figure:
    points, mean = residuals["points"], residuals["running_mean"]
    return Figure(
        name="residuals",
        title="Residuals",
        caption=(
            "MOS minus mapped prediction: above 0 an image is better than predicted. The line is the mean over a tenth "
            "of the images; where it leaves 0 for long, the map does not fit."
        ),
        header=("series", "name", "prediction", "residual"),
        rows=[
            ("image", name, x, e)
            for name, x, e in zip(points["name"], points["prediction"], points["residual"], strict=True)
        ]
        + [("mean", "", x, e) for x, e in zip(mean["prediction"], mean["residual"], strict=True)],
        description=(
            f"Scatter plot of residuals over predictions: {_span('residuals', points['residual'])}. "
            f"{_span('Their running mean', mean['residual'])}."
        ),
    )


def _distribution(residuals: dict[str, Any]) -> Figure:
    edges, counts = residuals["histogram"]["edges"], residuals["histogram"]["counts"]
    low, first, third, high = (residuals["quantiles"][share] for share in ("0.025", "0.25", "0.75", "0.975"))
    fullest = counts.index(max(counts))
    return Figure(
        name="distribution",
        title="Distribution of residuals",
        caption=f"Half of the residuals lie from {first:.3f} to {third:.3f}, 95 % from {low:.3f} to {high:.3f}.",
        header=("low", "high", "images"),
        rows=list(zip(edges, edges[1:], counts, strict=False)),
        description=(
            f"Histogram of residuals from {edges[0]:g} to {edges[-1]:g}; most images, {counts[fullest]:,}, are from "
            f"{edges[fullest]:g} to {edges[fullest + 1]:g}."
        ),
    )


def _ranges(ranges: list[dict[str, Any]]) -> Figure:
    marks = [Mark(f"{one['low']:.3g} to {one['high']:.3g}", one["srocc"], one["interval"]) for one in ranges]
    return Figure(
        name="ranges",
        title="SRoCC by range of MOS",
        caption=(
            "The images in fifths by their MOS, with 95 % intervals. Within a range every correlation is lower than "
            "over all: the MOS differ less, the errors do not. So compare submissions within a range, not ranges. The "
            "mean residual is below 0 at low MOS and above 0 at high MOS in every submission that is not perfect."
        ),
        header=("mos_low", "mos_high", "images", "srocc", "srocc_low", "srocc_high", "krocc", "mean_residual", "rmse"),
        rows=[
            (*_cells(one, "low", "high", "n", "srocc"), *_ends(one["interval"]), *_cells(one, "krocc", "bias", "rmse"))
            for one in ranges
        ],
        description=_intervals_in_words("range of MOS", marks),
        marks=marks,
    )


def _subset(number: int, column: str, groups: dict[str, dict[str, Any]]) -> Figure:
    """`column` comes from a file, so addresses have the number."""
    groups = dict(sorted(groups.items()))
    intervals = {group: scores["intervals"].get("srocc") for group, scores in groups.items()}
    marks = [Mark(group or "(empty)", scores["srocc"], intervals[group]) for group, scores in groups.items()]
    return Figure(
        name=f"subset-{number}",
        title=f"SRoCC by {column}",
        caption=(
            "With 95 % intervals. Groups whose MOS differ little have lower correlations for the same errors: compare "
            "submissions within a group rather than groups."
        ),
        header=(column, "images", "main", "srocc", "srocc_low", "srocc_high", "krocc", "plcc", "rmse"),
        rows=[
            (
                group,
                *_cells(scores, "n", "main", "srocc"),
                *_ends(intervals[group]),
                *_cells(scores, "krocc", "plcc", "rmse"),
            )
            for group, scores in groups.items()
        ],
        description=_intervals_in_words(column, marks),
        marks=marks,
    )


def _worst(misses: list[dict[str, Any]]) -> Figure:
    columns = sorted(misses[0]["labels"])
    return Figure(
        name="worst",
        title="Images with the largest residuals",
        caption="Residual: MOS minus mapped prediction.",
        header=("name", "prediction", "mapped", "mos", "residual", *columns),
        rows=[
            (*_cells(one, "name", "prediction", "mapped", "mos", "residual"), *_cells(one["labels"], *columns))
            for one in misses
        ],
    )


def _misplaced(misplaced: list[dict[str, Any]]) -> Figure:
    columns = sorted(misplaced[0]["labels"])
    return Figure(
        name="misplaced",
        title="Images farthest from their place",
        caption="Place 1 is the best. Positive: placed too high. These images cost SRoCC most; no map is needed.",
        header=("name", "place_by_prediction", "place_by_mos", "difference", *columns),
        rows=[
            (*_cells(one, "name", "prediction_place", "mos_place", "difference"), *_cells(one["labels"], *columns))
            for one in misplaced
        ],
    )


def _cells(row: dict[str, Any], *columns: str) -> Row:
    return tuple(row[column] for column in columns)


def _ends(interval: Sequence[float] | None) -> Sequence[float | None]:
    return interval or (None, None)


def _span(what: str, values: Sequence[float]) -> str:
    return f"{what} from {min(values):.3g} to {max(values):.3g}"


def _intervals_in_words(what: str, marks: list[Mark]) -> str:
    defined = [(mark.value, mark.label) for mark in marks if mark.value is not None]
    if not defined:
        return f"SRoCC by {what}: undefined in each."
    (low, worst), (high, best) = min(defined), max(defined)
    return f"SRoCC with intervals by {what}: lowest {low:.3f} ({worst}), highest {high:.3f} ({best})."
