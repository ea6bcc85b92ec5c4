"""NIQE: Mittal, Soundararajan and Bovik, "Making a Completely Blind Image Quality Analyzer", IEEE SPL 2013.

The distance between Gaussians fitted to statistics of 96 x 96 blocks of this image and of pristine photographs (from
the LIVE release, live/NOTICE.md). Raw score: lower is better, about 2 to 20. numpy and scipy only. Rows and columns
beyond a multiple of 96 are not looked at, as in the release: of 512 x 288 the whole height and 480 columns count.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scoring.baselines.live import parameters
from scoring.baselines.metric import RGB, Setting, Undefined
from scoring.baselines.natural_scenes import (
    Array,
    fit_asymmetric,
    halve,
    luminance,
    mean_of_asymmetric,
    normalise,
    scale_of,
)

BLOCK = 96
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))


class Niqe:
    """The metric; all the work is in `prepare`, which runs in the readers' threads and gives the score."""

    batch_size = 64
    one_size = True
    parallel = 1

    def __init__(self, setting: Setting) -> None:
        del setting  # everything it needs is in the package
        model = parameters()
        self._mean, self._covariance = model["niqe_mu"].ravel(), model["niqe_cov"]

    def prepare(self, image: RGB, prompt: str) -> float:
        """The score of one image. Raises Undefined for an image with fewer than two blocks with texture."""
        del prompt
        blocks = block_statistics(luminance(image))
        textured = blocks[np.isfinite(blocks).all(axis=1)]
        if len(textured) < 2:
            raise Undefined(f"fewer than two blocks of {BLOCK} x {BLOCK} pixels have texture")
        # As released: the mean takes what there is of each statistic, the covariance whole blocks only.
        difference = self._mean - np.nanmean(blocks, axis=0)
        pooled = (self._covariance + np.cov(textured, rowvar=False)) / 2
        return float(np.sqrt(difference @ np.linalg.pinv(pooled) @ difference))

    def score(self, prepared: Sequence[float]) -> list[float]:
        """The scores themselves."""
        return list(prepared)


def block_statistics(luma: Array) -> Array:
    """(blocks, 36): 18 statistics of each block at full and at half size; NaN where a block has no texture."""
    height, width = (side // BLOCK * BLOCK for side in luma.shape)
    if height * width < 2 * BLOCK * BLOCK:
        raise Undefined(f"{luma.shape[1]} x {luma.shape[0]} pixels hold fewer than two blocks of {BLOCK} x {BLOCK}")
    luma = luma[:height, :width]
    # Halved on a scale of 0 to 1, as released: it makes a difference in the last digits.
    scales = (luma, BLOCK), (halve(luma / 255) * 255, BLOCK // 2)
    return np.hstack([_statistics(_blocks(normalise(scale, "nearest"), side)) for scale, side in scales])


def _blocks(values: Array, side: int) -> Array:
    """(n, side, side), row by row."""
    rows, columns = (length // side for length in values.shape)
    return values.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side, side)


def _statistics(blocks: Array) -> Array:
    """18 per block: shape and mean scale of its values; shape, mean and two scales of each product of neighbours."""
    shape, left, right = fit_asymmetric(blocks)
    columns = [shape, (left + right) * scale_of(shape) / 2]
    for shift in _SHIFTS:
        shape, left, right = fit_asymmetric(blocks * np.roll(blocks, shift, (1, 2)))
        left, right = left * scale_of(shape), right * scale_of(shape)
        columns += [shape, mean_of_asymmetric(shape, left, right), left, right]
    return np.stack(columns, axis=1)
