"""What the toy model was trained on: shapes of a size and colour, on one side, on a background."""

from __future__ import annotations

from itertools import permutations, product

COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 170, 60),
    "blue": (40, 70, 220),
    "yellow": (240, 210, 40),
    "purple": (140, 50, 170),
    "white": (245, 245, 245),
    "black": (15, 15, 15),
}
SHAPES = ("circle", "square", "triangle")
SIZES = {"small": 0.16, "large": 0.3}  # half of its height, as a share of the picture's
PLACES = {"left": 0.3, "center": 0.5, "right": 0.7}  # of its middle, as a share of the picture's width


def prompt_of(size: str, colour: str, shape: str, place: str, background: str) -> str:
    """The text of a picture."""
    return f"a {size} {colour} {shape} on the {place}, {background} background"


def all_prompts() -> list[str]:
    """All 756 of them, in a fixed order."""
    return [
        prompt_of(size, colour, shape, place, background)
        for size, shape, place, (colour, background) in product(SIZES, SHAPES, PLACES, permutations(COLOURS, 2))
    ]
