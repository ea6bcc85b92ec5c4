"""Large arrays that are used again and again.

The allocator gives arrays of megabytes back to the system as soon as they are dropped, and the next one is made of
fresh pages: for the bootstrap that costs more than all its arithmetic.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Scratch:
    """`scratch(name, shape)` is an array with any content, good until the same name is asked for again."""

    def __init__(self) -> None:
        self._kept: dict[str, NDArray[Any]] = {}

    def __call__(self, name: str, shape: tuple[int, ...], dtype: DTypeLike = np.float64) -> NDArray[Any]:
        size = math.prod(shape)
        kept = self._kept.get(name)
        if kept is None or kept.size < size or kept.dtype != dtype:
            kept = self._kept[name] = np.empty(size, dtype)
        return kept[:size].reshape(shape)

    def take(self, name: str, rows: NDArray[Any], places: NDArray[np.intp]) -> NDArray[Any]:
        """rows[places], which must be within bounds, in the array called `name`."""
        out = self(name, (places.size, *rows.shape[1:]), rows.dtype)
        # "clip" only because "raise" would go through a second buffer.
        return np.take(rows, places, axis=0, out=out, mode="clip")
