"""What BRISQUE and NIQE share: luminance, divisive normalisation, half size, and fits of generalised Gaussians.

Everything follows the MATLAB releases of LIVE (UT Austin), down to rounding and borders, so that scores agree with
published ones; each function names what it reproduces. Images are arrays of shape (height, width), float64, 0 to 255.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
RGB = NDArray[np.uint8]

# MATLAB's rgb2gray: the luma row of the inverse of its NTSC matrix.
_LUMA = np.array([0.2989360213, 0.5870430745, 0.1140209043])
_WINDOW = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))  # 7 taps, sigma 7/6
_WINDOW /= _WINDOW.sum()
_SHAPES = np.arange(0.2, 10.0005, 0.001)  # shapes that the releases search


def luminance(image: RGB) -> Array:
    """RGB (height, width, 3) or gray (height, width), uint8, to luminance rounded to whole numbers as rgb2gray does."""
    if image.ndim == 2:
        return image.astype(np.float64)
    gray: Array = np.floor(image.astype(np.float64) @ _LUMA + 0.5)
    return gray


def normalise(luma: Array, border: Literal["constant", "nearest"]) -> Array:
    """Mean-subtracted, contrast-normalised coefficients: (I - mu) / (sigma + 1), eq. 1 of Mittal et al. 2012.

    border: "constant" pads with zeros, as BRISQUE's filter2 does; "nearest" repeats the edge, as NIQE's imfilter does.
    """
    from scipy.ndimage import correlate1d

    def blur(values: Array) -> Array:
        rows = correlate1d(values, _WINDOW, axis=0, mode=border)
        blurred: Array = correlate1d(rows, _WINDOW, axis=1, mode=border)
        return blurred

    mean = blur(luma)
    deviation = np.sqrt(np.abs(blur(luma * luma) - mean * mean))
    normalised: Array = (luma - mean) / (deviation + 1)
    return normalised


def halve(luma: Array) -> Array:
    """Half size as MATLAB's imresize(image, 0.5): bicubic, antialiased, mirrored borders; sizes are rounded up."""
    return _halve_rows(_halve_rows(luma).T).T


def _halve_rows(values: Array) -> Array:
    height = values.shape[0]
    centre = 2 * np.arange(1, (height + 1) // 2 + 1) - 0.5  # in the source, counted from 1
    taps = np.floor(centre - 4)[:, None] + np.arange(10)
    weights = _cubic((centre[:, None] - taps) / 2)
    weights /= weights.sum(axis=1, keepdims=True)
    mirrored = np.r_[np.arange(height), np.arange(height)[::-1]]
    rows = mirrored[(taps.astype(np.intp) - 1) % (2 * height)]
    half = np.zeros((rows.shape[0], values.shape[1]))
    for tap in range(taps.shape[1]):
        half += weights[:, tap, None] * values[rows[:, tap]]
    return half


def _cubic(x: Array) -> Array:
    """Keys's kernel with a = -0.5."""
    a = np.abs(x)
    near = 1.5 * a**3 - 2.5 * a**2 + 1
    far = -0.5 * a**3 + 2.5 * a**2 - 4 * a + 2
    kernel: Array = np.where(a <= 1, near, np.where(a <= 2, far, 0.0))
    return kernel


def fit_symmetric(values: Array) -> tuple[float, float]:
    """(shape, standard deviation) of a generalised Gaussian by moments (Sharifi and Leon-Garcia 1995)."""
    variance = float(np.mean(values**2))
    ratio = variance / float(np.mean(np.abs(values))) ** 2
    # The table is that of the asymmetric fit turned over; it falls with the shape.
    return float(_SHAPES[np.argmin(np.abs(1 / _moment_ratios() - ratio))]), variance**0.5


def fit_asymmetric(blocks: Array) -> tuple[Array, Array, Array]:
    """(shape, left, right standard deviation) of asymmetric generalised Gaussians (Lasmar et al. 2009), per block.

    blocks: (n, ...), one sample per row. Each result has shape (n,). Deviations are NaN where a block has no value on
    that side of zero; the shape is then the smallest searched, as in the releases.
    """
    flat = blocks.reshape(blocks.shape[0], -1)
    below, above = np.minimum(flat, 0), np.maximum(flat, 0)
    squares_below, squares_above = (np.einsum("ij,ij->i", side, side) for side in (below, above))
    size = flat.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        left = np.sqrt(squares_below / np.count_nonzero(below, axis=1))
        right = np.sqrt(squares_above / np.count_nonzero(above, axis=1))
        skew = left / right
        mean = (above.sum(axis=1) - below.sum(axis=1)) / size
        ratio = mean**2 / ((squares_below + squares_above) / size)
        ratio = ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    return _nearest_shape(ratio), left, right


def mean_of_asymmetric(shape: Array, left: Array, right: Array) -> Array:
    """The mean of such distributions: (right - left) Gamma(2/a) / Gamma(1/a), for scales (not deviations)."""
    from scipy.special import gamma

    mean: Array = (right - left) * gamma(2 / shape) / gamma(1 / shape)
    return mean


def scale_of(shape: Array) -> Array:
    """What turns a standard deviation into the scale of a generalised Gaussian of this shape."""
    from scipy.special import gamma

    scale: Array = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return scale


@cache
def _moment_ratios() -> Array:
    """E[|x|]^2 / E[x^2] for each searched shape; it rises with the shape."""
    from scipy.special import gamma

    ratios: Array = gamma(2 / _SHAPES) ** 2 / (gamma(1 / _SHAPES) * gamma(3 / _SHAPES))
    return ratios


def _nearest_shape(ratio: Array) -> Array:
    table = _moment_ratios()
    above = np.clip(np.searchsorted(table, ratio), 1, table.size - 1)
    below_is_nearer = ratio - table[above - 1] <= table[above] - ratio
    shapes: Array = _SHAPES[above - below_is_nearer]
    return np.where(np.isfinite(ratio), shapes, _SHAPES[0])
