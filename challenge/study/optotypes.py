"""Pictures for the checks before a study, drawn here: Landolt rings, plates of coloured dots, faint patches.

All come as PNG: what a picture asks is in its pixels only. They screen; they diagnose nothing.

- **Landolt ring** (ISO 8596): on a grid of 5 by 5, thickness and gap a fifth of the outer diameter.
- **Plates** after Ishihara's principle, none copied: dots of random size and brightness, the figure in a colour that
  differs from the ground along a confusion line, so that who lacks that cone sees one colour. The line is the change of
  linear sRGB that moves one cone alone: a column of the inverse of (LMS from XYZ: Hunt-Pointer-Estevez for D65) times
  (XYZ from sRGB: IEC 61966-2-1).
- **Patches**: a square a little brighter or darker than its ground, near black and near white.
"""

import random
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from challenge.study.png import SIGNATURE

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

DIRECTIONS = ("up", "right", "down", "left")
PLATE_SIDE = 324
PATCH_SIDE = 324
_SMOOTH = 4  # samples a pixel, each way
_LMS_OF_XYZ = np.array([[0.40024, 0.70760, -0.08081], [-0.22630, 1.16532, 0.04570], [0.0, 0.0, 0.91822]])
_XYZ_OF_RGB = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
LMS_OF_RGB = _LMS_OF_XYZ @ _XYZ_OF_RGB
_CONES = {"protan": 0, "deutan": 1}
_GROUND = np.array([0.36, 0.30, 0.16])  # linear sRGB, a dull ochre: room on both sides of either line
_REACH = (
    0.6  # of the way to the edge of the gamut: well seen by who has all cones, and not by those who have them weakly
)
_DIM = (0.55, 1.0)  # range of a dot's brightness: what differs between figure and ground must be the hue
_DIGITS = {
    2: ("###", "..#", "###", "#..", "###"),
    3: ("###", "..#", "###", "..#", "###"),
    4: ("#.#", "#.#", "###", "..#", "..#"),
    5: ("###", "#..", "###", "..#", "###"),
    6: ("###", "#..", "###", "#.#", "###"),
    7: ("###", "..#", "..#", "..#", "..#"),
    8: ("###", "#.#", "###", "#.#", "###"),
    9: ("###", "#.#", "###", "..#", "###"),
}
DIGITS = tuple(_DIGITS)


def landolt_ring(gap: float, direction: str) -> bytes:
    """A black ring on white whose gap is `gap` pixels wide and opens to one of DIRECTIONS."""
    side = max(64, int(np.ceil(9 * gap)))
    ticks = (np.arange(side * _SMOOTH) + 0.5) / _SMOOTH - side / 2
    y, x = np.meshgrid(ticks, ticks, indexing="ij")
    distance = np.hypot(x, y)
    along, across = {"up": (-y, x), "right": (x, y), "down": (y, x), "left": (-x, y)}[direction]
    ink = (distance <= 2.5 * gap) & (distance >= 1.5 * gap) & ~((along > 0) & (np.abs(across) < gap / 2))
    share = ink.reshape(side, _SMOOTH, side, _SMOOTH).mean(axis=(1, 3))
    return png(np.rint(255 * (1 - share)).astype(np.uint8))


def patch(ground: int, level: int, direction: str) -> bytes:
    """A square of gray `level` towards one of DIRECTIONS on a picture of gray `ground` (sRGB, 0 to 255)."""
    pixels = np.full((PATCH_SIDE, PATCH_SIDE), ground, dtype=np.uint8)
    third = PATCH_SIDE // 3
    row, column = {"up": (0, 1), "right": (1, 2), "down": (2, 1), "left": (1, 0)}[direction]
    margin = third // 6
    pixels[
        row * third + margin : (row + 1) * third - margin, column * third + margin : (column + 1) * third - margin
    ] = level
    return png(pixels)


def plate_colours(kind: str) -> tuple[Floats, Floats]:
    """(ground, figure) in linear sRGB.

    "protan" and "deutan": they differ in the long or middle cones alone. "demo": in brightness, which everybody sees.
    """
    if kind == "demo":
        return _GROUND * 0.35, _GROUND * 2
    line = np.linalg.inv(LMS_OF_RGB)[:, _CONES[kind]]
    reach = min(float(room / abs(step)) for step, room in zip(line, np.minimum(_GROUND, 1 - _GROUND), strict=True))
    step = _REACH * reach * line
    return _GROUND - step, _GROUND + step


def plate(kind: str, digit: int, seed: int) -> bytes:
    """A disc of dots with one of DIGITS in it; the same arguments give the same bytes."""
    draw = random.Random(seed)  # noqa: S311  where the dots lie is no secret; the digit is drawn elsewhere
    ground, figure = plate_colours(kind)
    radius = PLATE_SIDE / 2
    y, x = np.mgrid[0:PLATE_SIDE, 0:PLATE_SIDE] + 0.5
    pixels = np.ones((PLATE_SIDE, PLATE_SIDE, 3))
    for cx, cy, r in _dots(draw, radius):
        colour = (figure if _in_digit(digit, cx / PLATE_SIDE, cy / PLATE_SIDE) else ground) * draw.uniform(*_DIM)
        near = (slice(int(max(0, cy - r - 2)), int(cy + r + 3)), slice(int(max(0, cx - r - 2)), int(cx + r + 3)))
        cover = np.clip(r + 0.5 - np.hypot(x[near] - cx, y[near] - cy), 0, 1)[..., None]
        pixels[near] = pixels[near] * (1 - cover) + colour * cover
    return png(np.rint(255 * _encoded(pixels)).astype(np.uint8))


def _dots(draw: random.Random, radius: float) -> list[tuple[float, float, float]]:
    """Centres and radii of dots that do not touch, large ones first."""
    found: list[tuple[float, float, float]] = []
    places = np.zeros((0, 3))
    for r, tries in ((10.0, 260), (7.5, 500), (5.0, 900), (3.5, 1200)):
        for _ in range(tries):
            x, y = draw.uniform(r, 2 * radius - r), draw.uniform(r, 2 * radius - r)
            if np.hypot(x - radius, y - radius) > radius - r:
                continue
            if places.size and np.any(np.hypot(places[:, 0] - x, places[:, 1] - y) < places[:, 2] + r + 1):
                continue
            found.append((x, y, r))
            places = np.array(found)
    return found


def _in_digit(digit: int, x: float, y: float) -> bool:
    """Whether a place, both 0 to 1, is inside the figure, which stands in the middle: 0.42 wide, 0.7 high."""
    column, row = int((x - 0.29) / 0.14), int((y - 0.15) / 0.14)
    return 0.29 <= x < 0.71 and 0.15 <= y < 0.85 and _DIGITS[digit][row][column] == "#"


def _encoded(linear: Floats) -> Floats:
    """sRGB of linear light, both 0 to 1 (IEC 61966-2-1)."""
    linear = np.clip(linear, 0, 1)
    return np.asarray(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


def png(pixels: Pixels) -> bytes:
    """A PNG file of gray (h, w) or sRGB (h, w, 3) pixels, marked as sRGB."""
    height, width = pixels.shape[:2]
    colour = 2 if pixels.ndim == 3 else 0
    rows = np.concatenate([np.zeros((height, 1), dtype=np.uint8), pixels.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"sRGB", b"\0"), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    return SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
