"""The paper's figure 5 from one computation: how the raw mean scores and the opinion scores are distributed.

Counts in 50 bins over the whole set, which tell the score of no image. Drawn by `core.plots`: the same numbers give the
same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from challenge.core.plots import BLUE, GREY, VERMILION, rendered
from scoring.opinion_scores import OpinionScores
from scoring.ratings import Ratings
from scoring.transforms import TOP

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 50
HEIGHT = 2.2  # inches


def histograms(ratings: Ratings, scores: OpinionScores) -> dict[str, Any]:
    """`edges` (51 numbers from 0 to 5) and the counts of `raw`, the mean ratings of the kept subjects brought to that
    scale, and of `mos`."""
    low, high = ratings.scale
    kept = np.array([name not in scores.rejected for name in ratings.subjects], dtype=np.bool_)
    raw = TOP * (ratings.cells().of(kept).image_means() - low) / (high - low)
    found: dict[str, Any] = {"edges": np.linspace(0, TOP, BINS + 1).tolist()}
    for name, values in (("raw", raw), ("mos", scores.table.mos)):
        found[name] = np.histogram(values[np.isfinite(values)], BINS, (0, TOP))[0].tolist()
    return found


def entropy(counts: list[int]) -> float:
    """Entropy of a histogram over that of equal bins: 1 for a uniform distribution, 0 for one bin."""
    share = np.array(counts, dtype=np.float64) / max(1, sum(counts))
    share = share[share > 0]
    return float(-(share * np.log(share)).sum() / np.log(len(counts)))


def figure_5(result: dict[str, Any], transform: str) -> dict[str, Any]:
    """The numbers of the figure, for a file and for its caption."""
    shown, found = result["histograms"], result["diagnostics"]
    return {
        "figure": "5",
        "transform": transform,
        **shown,
        "skew": {"raw": found["distributions"]["raw"]["skew"], "mos": found["distributions"][transform]["skew"]},
        "entropy": {name: entropy(shown[name]) for name in ("raw", "mos")},
        "undefined_log_share": found["undefined_log_share"],
    }


def figure_5_file(numbers: dict[str, Any], kind: str) -> bytes:
    """The figure as "svg" or "pdf": both distributions as steps, told apart by their lines."""

    def draw(axes: Axes) -> None:
        axes.stairs(numbers["raw"], numbers["edges"], color=BLUE, fill=True, alpha=0.35, label="raw mean")
        axes.stairs(numbers["mos"], numbers["edges"], color=VERMILION, linewidth=1.2, label=numbers["transform"])
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.set(xlabel="score", ylabel="images", xlim=(0, TOP))
        axes.legend(loc="upper left")

    return rendered(draw, kind, height=HEIGHT)
