"""Small image files for tests: smooth enough to look like pictures, different for every number."""

from pathlib import Path

import numpy as np
from PIL import Image


def pixels(number: int, size: tuple[int, int] = (24, 16)) -> np.ndarray:
    """Colour waves of shape (height, width, 3), 0 to 255; size is (width, height)."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[: size[1], : size[0]] / 8
    phase, slope = rng.uniform(0, 6, 3), rng.uniform(0.3, 2, (3, 2))
    waves = np.sin(x[..., None] * slope[:, 0] + y[..., None] * slope[:, 1] + phase)
    found: np.ndarray = (127.5 + 127.5 * waves * rng.uniform(0.3, 1)).astype(np.uint8)
    return found


def write_picture(path: Path, number: int, size: tuple[int, int] = (24, 16)) -> None:
    """Save one in the format its name ends in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(number, size)).save(path)
