"""From the mean of z-scores to MOS in [0, 5]: the transform T of eq. 3, then MOS = 5 (T - min T) / (max T - min T).

The paper prints T = log(zbar + 1). zbar has mean 0 and reaches below -1 on every real set tried, where that has no
value, so T is one of four named transforms. All are strictly increasing: SRoCC and KRoCC do not depend on the choice.

| name | T(zbar) | what it does |
|---|---|---|
| shift_log | log(zbar - min + 1) | the paper's formula with the smallest shift that defines it everywhere |
| literal | log(zbar + 1) | as printed; undefined where zbar <= -1 |
| identity | zbar | MOS is linear in zbar, as in AGIQA-1K by the same authors |
| reflected_log | -log(max - zbar + 1) | makes left-skewed ratings more uniform, as the paper says of its log |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TOP = 5.0  # MOS run from 0 to this

# T(zbar) and its derivative, given the smallest and largest zbar of the whole set.
_FORMULAS: dict[str, tuple[Callable[[Floats, float, float], Floats], Callable[[Floats, float, float], Floats]]] = {
    "shift_log": (lambda z, low, high: np.log1p(z - low), lambda z, low, high: 1 / (z - low + 1)),
    "literal": (lambda z, low, high: np.log1p(z), lambda z, low, high: 1 / (z + 1)),
    "identity": (lambda z, low, high: z, lambda z, low, high: np.ones_like(z)),
    "reflected_log": (lambda z, low, high: -np.log1p(high - z), lambda z, low, high: 1 / (high - z + 1)),
}
TRANSFORMS = tuple(_FORMULAS)


@dataclass(frozen=True)
class MosMap:
    """The map zbar -> MOS with its constants frozen on the whole set, so that splits made later share it.

    `low`, `high`: smallest and largest zbar; `bottom`, `top`: T there. `literal` leaves out what it does not define.
    """

    transform: str
    low: float
    high: float
    bottom: float
    top: float

    def mos(self, zbar: Floats) -> Floats:
        """MOS of means of z-scores, same shape; nan where T is undefined. Within [0, 5] for zbar in [low, high]."""
        return np.asarray(TOP * ((_apply(self.transform, zbar, self.low, self.high) - self.bottom) / self._range))

    def slope(self, zbar: Floats) -> Floats:
        """dMOS / dzbar, same shape; nan where T is undefined. Positive elsewhere."""
        inside = np.where(_defined(self.transform, zbar, self.low, self.high), zbar, np.nan)
        return np.asarray(TOP * _FORMULAS[self.transform][1](inside, self.low, self.high) / self._range)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form."""
        return asdict(self)

    @property
    def _range(self) -> float:
        return self.top - self.bottom


def fit_map(zbar: Floats, transform: str) -> MosMap:
    """Freeze the map on the zbar of the whole set, shape (n,), nan for images without a rating.

    Raises ValueError for an unknown transform, and where fewer than two different zbar have a T.
    """
    check_transform(transform)
    inside = zbar[np.isfinite(zbar) & ((zbar > -1) if transform == "literal" else True)]
    if inside.size == 0 or inside.min() == inside.max():
        raise ValueError("fewer than two images differ in their mean: there is no scale to put MOS on")
    low, high = float(inside.min()), float(inside.max())
    values = _apply(transform, inside, low, high)
    return MosMap(transform, low, high, float(values.min()), float(values.max()))


def check_transform(name: str) -> None:
    """Raises ValueError for a name that is not in TRANSFORMS."""
    if name not in TRANSFORMS:
        raise ValueError(f"unknown transform {name!r}; known are {', '.join(TRANSFORMS)}")


def _defined(transform: str, zbar: Floats, low: float, high: float) -> NDArray[np.bool_]:
    """Where the argument of the logarithm is positive."""
    edge = {"shift_log": zbar - low + 1, "literal": zbar + 1, "reflected_log": high - zbar + 1}.get(transform)
    return np.isfinite(zbar) if edge is None else edge > 0


def _apply(transform: str, zbar: Floats, low: float, high: float) -> Floats:
    inside = np.where(_defined(transform, zbar, low, high), zbar, np.nan)
    return _FORMULAS[transform][0](inside, low, high)
