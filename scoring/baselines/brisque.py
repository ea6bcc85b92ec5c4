"""BRISQUE: Mittal, Moorthy and Bovik, "No-Reference Image Quality Assessment in the Spatial Domain", IEEE TIP 2012.

36 statistics of normalised luminance at two scales, mapped to a score by the support vector regressor of the LIVE
release (live/NOTICE.md). Raw score: lower is better, about 0 to 100, can leave that range. numpy and scipy only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scoring.baselines.live import parameters
from scoring.baselines.metric import RGB, Setting, Undefined
from scoring.baselines.natural_scenes import (
    Array,
    fit_asymmetric,
    fit_symmetric,
    halve,
    luminance,
    mean_of_asymmetric,
    normalise,
    scale_of,
)

_SHIFTS = ((0, 1), (1, 0), (1, 1), (-1, 1))  # neighbours whose products are looked at: right, below, both diagonals


class Brisque:
    """The metric; `prepare` gives the 36 statistics, shape (36,)."""

    batch_size = 64
    one_size = True
    parallel = 1

    def __init__(self, setting: Setting) -> None:
        del setting  # everything it needs is in the package
        model = parameters()
        self._vectors, self._coefficients = model["brisque_sv"], model["brisque_coef"]
        self._gamma, self._rho = float(model["brisque_gamma"]), float(model["brisque_rho"])
        self._low, self._high = model["brisque_lo"], model["brisque_hi"]

    def prepare(self, image: RGB, prompt: str) -> Array:
        """The statistics of one image. Raises Undefined for one that has no texture at all."""
        del prompt
        return statistics(luminance(image))

    def score(self, prepared: Sequence[Array]) -> list[float]:
        """The regressor: an RBF kernel machine on statistics scaled to [-1, 1]."""
        scaled = 2 * (np.stack(prepared) - self._low) / (self._high - self._low) - 1
        distances = ((scaled[:, None] - self._vectors) ** 2).sum(axis=2)
        scores: list[float] = (np.exp(-self._gamma * distances) @ self._coefficients - self._rho).tolist()
        return scores


def statistics(luma: Array) -> Array:
    """The 36 features of section III of the paper, at full and half size. Raises Undefined without texture."""
    if np.ptp(luma) == 0:
        raise Undefined("every pixel has the same luminance: there is no texture to measure")
    features: list[float] = []
    for scale in (luma, halve(luma)):
        normalised = normalise(scale, "constant")
        shape, deviation = fit_symmetric(normalised)
        features += [shape, deviation**2]
        products = np.stack([normalised * np.roll(normalised, shift, (0, 1)) for shift in _SHIFTS])
        shapes, left, right = fit_asymmetric(products)
        scale_to = scale_of(shapes)
        means = mean_of_asymmetric(shapes, left * scale_to, right * scale_to)
        features += np.stack([shapes, means, left**2, right**2], axis=1).ravel().tolist()
    values = np.array(features)
    if not np.isfinite(values).all():
        raise Undefined("its normalised luminance has values on one side of zero only")
    return values
