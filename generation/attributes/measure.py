"""Five attributes of an image, by OpenCV alone.

On 8-bit sRGB values, Y = 0.299 R + 0.587 G + 0.114 B rounded to 8 bits (the luma plane of ITU-R BT.601 video):

- light: mean of Y / 255, from 0 to 1;
- contrast: standard deviation of Y / 255 (RMS contrast, Peli 1990), from 0 to 0.5;
- colour: sqrt(sd(rg)^2 + sd(yb)^2) + 0.3 sqrt(mean(rg)^2 + mean(yb)^2) with rg = R - G, yb = (R + G) / 2 - B
  (colourfulness, Hasler and Süsstrunk 2003: 15 is slight, 109 extreme);
- blur: the perceptual blur of Crete et al. 2007 with an 11-pixel box, the larger of both directions; 0 is sharp, 1 is
  blurred. Gradients are Sobel's and borders are treated as in scikit-image's `blur_effect`, which it equals on Y;
- si: spatial information of ITU-T P.910, the standard deviation of Sobel's gradient magnitude of Y without a border
  of one pixel.

Standard deviations have divisor n. Where nothing varies (also in one direction, and in images too small to have an
inside) blur is 1 and the others that measure variation are 0. Gradients, boxes and sums are integers and exact.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from generation.attributes import EDGE
from generation.images import RGB

if TYPE_CHECKING:
    from cv2.typing import MatLike

BOX = 11  # pixels of Crete's re-blurring filter

# Worker processes share the cores: threads inside OpenCV would fight over them.
cv2.setNumThreads(1)


def measure(rgb: RGB) -> dict[str, float]:
    """{attribute: value} of pixels of shape (height, width, 3), 0 to 255."""
    y = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    mean, deviation = _moments(y)
    across = cv2.Sobel(y, cv2.CV_16S, 1, 0, borderType=cv2.BORDER_REFLECT)
    down = cv2.Sobel(y, cv2.CV_16S, 0, 1, borderType=cv2.BORDER_REFLECT)
    return {
        "light": mean / 255,
        "contrast": deviation / 255,
        "colour": _colourfulness(rgb),
        "blur": max(_blur(y, across, horizontal=True), _blur(y, down, horizontal=False)),
        "si": _spatial_information(across, down),
    }


def at_edge(rgb: RGB, edge: int = EDGE) -> RGB:
    """The image with its longest edge scaled to `edge` pixels: by area when shrunk, linearly when enlarged."""
    height, width = rgb.shape[:2]
    longest = max(height, width)
    if longest == edge:
        return rgb
    size = (max(1, round(width * edge / longest)), max(1, round(height * edge / longest)))
    scaled = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if longest > edge else cv2.INTER_LINEAR)
    return np.asarray(scaled, dtype=np.uint8)


def _moments(values: MatLike) -> tuple[float, float]:
    """Mean and standard deviation (divisor n) of one channel."""
    mean, deviation = cv2.meanStdDev(values)
    return float(mean[0, 0]), float(deviation[0, 0])


def _colourfulness(rgb: RGB) -> float:
    red, green, blue = cv2.split(rgb)
    red_green = cv2.subtract(red, green, dtype=cv2.CV_16S)
    # Twice (R + G) / 2 - B, so that it stays an integer.
    twice = cv2.subtract(cv2.add(red, green, dtype=cv2.CV_16S), cv2.add(blue, blue, dtype=cv2.CV_16S))
    (mean_rg, sd_rg), (mean_yb, sd_yb) = _moments(red_green), _moments(twice)
    return math.hypot(sd_rg, sd_yb / 2) + 0.3 * math.hypot(mean_rg, mean_yb / 2)


def _blur(y: MatLike, gradient: MatLike, *, horizontal: bool) -> float:
    """Crete's measure in one direction: the share of the gradient that is left after blurring once more."""
    size = (BOX, 1) if horizontal else (1, BOX)
    boxed = cv2.boxFilter(y, cv2.CV_16S, size, normalize=False, borderType=cv2.BORDER_REFLECT)
    after = cv2.Sobel(boxed, cv2.CV_16S, int(horizontal), int(not horizontal), borderType=cv2.BORDER_REFLECT)
    # `after` is BOX times too large, at most 4 * 11 * 255: both fit 16 bits, and unsigned subtraction stops at 0.
    before = (np.abs(gradient) * np.int16(BOX)).astype(np.uint16)
    lost = cv2.subtract(before, np.abs(after).astype(np.uint16))
    inside = (slice(2, -1), slice(2, -1))
    total = cv2.norm(before[inside], cv2.NORM_L1) if min(gradient.shape) > 3 else 0.0
    return 1 - cv2.norm(lost[inside], cv2.NORM_L1) / total if total else 1.0


def _spatial_information(across: MatLike, down: MatLike) -> float:
    if min(across.shape) < 3:
        return 0.0
    across, down = across[1:-1, 1:-1], down[1:-1, 1:-1]
    # Squares are exact integers and roots correctly rounded. OpenCV's magnitude and deviation of float values have
    # digits that depend on where the pixels lie in memory.
    squares = np.square(across, dtype=np.float32) + np.square(down, dtype=np.float32)
    mean = float(np.sqrt(squares).mean(dtype=np.float64))
    return math.sqrt(max(0.0, float(squares.mean(dtype=np.float64)) - mean**2))
