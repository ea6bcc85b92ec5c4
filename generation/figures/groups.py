"""What figures say about the opinion scores of a group of images: n, mean, standard deviation, 95 % interval."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEVEL = 0.95


@lru_cache(maxsize=1024)
def student(df: int) -> float:
    """Quantile t(0.975, df) of Student's distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(df, (1 + LEVEL) / 2))


def summary(values: Floats, least: int) -> dict[str, Any]:
    """`n`, `mean`, `std` (divisor n - 1) and `ci95`, the half-width t(0.975, n - 1) std / sqrt(n), of one group.

    A group of fewer than `least` images has only its `n`, the rest is None; so have std and ci95 of a single image.
    """
    n = int(values.size)
    if n < max(1, least):
        return {"n": n, "mean": None, "std": None, "ci95": None}
    std = float(values.std(ddof=1)) if n > 1 else None
    half = None if std is None else student(n - 1) * std / float(np.sqrt(n))
    return {"n": n, "mean": float(values.mean()), "std": std, "ci95": half}
