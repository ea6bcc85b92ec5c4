"""How far two prediction files agree: a file that a team sent and the one that its code gave when it was run again.

Contract: files are mappings name -> finite score. They are compared by name; the order of rows does not matter. Nothing
here needs a MOS.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scoring.correlations import srocc


@dataclass(frozen=True)
class Agreement:
    """`n` names are in both files, `unmatched` in one only; `differing` of the n have another score in the other.

    `max_difference` and `mean_difference` are of the absolute differences, in the files' own units; `srocc` is
    Spearman's correlation of the two. None where undefined: no common name, a constant file (SRoCC), a difference
    beyond the largest float.
    """

    n: int
    unmatched: int
    differing: int
    max_difference: float | None
    mean_difference: float | None
    srocc: float | None

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON: undefined is None, never NaN."""
        return asdict(self)


def agreement(first: Mapping[str, float], second: Mapping[str, float]) -> Agreement:
    """Compare two files. The same whichever comes first."""
    common = sorted(first.keys() & second.keys())
    a, b = (np.array([file[name] for name in common], dtype=np.float64) for file in (first, second))
    with np.errstate(over="ignore"):  # the difference of two huge scores may overflow: then it is undefined
        differences = np.abs(a - b)
        mean = float(differences.mean()) if common else math.nan
    return Agreement(
        n=len(common),
        unmatched=len(first.keys() ^ second.keys()),
        differing=int((a != b).sum()),
        max_difference=_defined(float(differences.max()) if common else math.nan),
        mean_difference=_defined(mean),
        srocc=_defined(srocc(a, b)),
    )


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None
