"""The pictures that the toy model was trained on, and how near an image comes to one of them.

A text leaves open how high its shape stands: between 0.4 and 0.6 of the picture's height, as in the training set.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from generation.demo.vocabulary import COLOURS, PLACES, SIZES
from generation.problems import InvalidInput

HEIGHTS = (0.4, 0.6)  # of the shape's middle, as a share of the picture's height
_TEXT = re.compile(r"a (\w+) (\w+) (\w+) on the (\w+), (\w+) background")
_TRIED = 13  # heights, a pixel apart in a picture of 64
_FINE = 2  # drawn larger and scaled down, for smooth edges


class Described(NamedTuple):
    """What a text of the vocabulary says."""

    size: str
    colour: str
    shape: str
    place: str
    background: str


def described(text: str) -> Described:
    """The parts of a prompt of the vocabulary. Raises InvalidInput for any other."""
    if not (match := _TEXT.fullmatch(text)):
        raise InvalidInput(f"{text!r}: not a text that the toy model was trained on")
    return Described(*match.groups())


def draw(what: Described, *, width: int, height: int, middle: float) -> Image.Image:
    """The picture of width x height pixels whose shape has its middle at `middle`, a share of the height."""
    image = Image.new("RGB", (_FINE * width, _FINE * height), COLOURS[what.background])
    pen = ImageDraw.Draw(image)
    x, y, radius = PLACES[what.place] * image.width, middle * image.height, SIZES[what.size] * image.height
    box = (x - radius, y - radius, x + radius, y + radius)
    if what.shape == "circle":
        pen.ellipse(box, fill=COLOURS[what.colour])
    elif what.shape == "square":
        pen.rectangle(box, fill=COLOURS[what.colour])
    else:
        pen.polygon([(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)], fill=COLOURS[what.colour])
    return image.resize((width, height), Image.Resampling.LANCZOS)


def fidelity(pixels: NDArray[np.uint8], text: str) -> float:
    """PSNR in dB of `pixels` (height, width, 3) against the nearest picture that the text describes.

    The height that a text leaves open is the best of 13. Infinite when the image is one of these pictures.
    """
    height, width = pixels.shape[:2]
    what = described(text)
    errors = [
        np.mean((np.asarray(draw(what, width=width, height=height, middle=middle), np.float64) - pixels) ** 2)
        for middle in np.linspace(*HEIGHTS, _TRIED)
    ]
    least = float(min(errors))
    return float("inf") if least == 0 else float(10 * np.log10(255**2 / least))
