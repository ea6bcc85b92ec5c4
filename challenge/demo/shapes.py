"""A small database that the demo generator built, and how near each image comes to what its prompt describes.

The images are those of `python -m generation demo` (data/NOTICE.md), 64 pixels at their longest edge; half of them have
fewer or more steps, another CFG or another shape than the defaults. The values are computed: PSNR against the nearest
picture that the prompt describes, of the image as it was drawn.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import zipfile
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).parent / "data" / "shapes.zip"
FACTORS = ("iteration_default", "cfg_default", "resolution_default")
ENLARGED = 4  # times, for NIQE looks at blocks of 96 pixels


@dataclasses.dataclass(frozen=True)
class Shape:
    """One image: its file name, its prompt, which factors are at their defaults ("true" or "false", in the order of
    FACTORS), its PSNR in dB, and the PNG, enlarged."""

    name: str
    prompt: str
    defaults: tuple[str, ...]
    psnr: float
    png: bytes


def shapes() -> list[Shape]:
    """All 80, by name."""
    from PIL import Image

    from generation.demo.pictures import fidelity

    made = []
    with zipfile.ZipFile(SOURCE) as archive:
        for row in csv.DictReader(io.TextIOWrapper(archive.open("plan.csv"), "utf-8", newline="")):
            with Image.open(archive.open(f"images/{row['name']}")) as opened:
                image = opened.convert("RGB")
            larger = image.resize((ENLARGED * image.width, ENLARGED * image.height), Image.Resampling.BICUBIC)
            stream = io.BytesIO()
            larger.save(stream, "PNG")
            defaults = tuple(row[factor] for factor in FACTORS)
            psnr = fidelity(np.asarray(image), row["prompt"])
            made.append(Shape(row["name"], row["prompt"], defaults, psnr, stream.getvalue()))
    return sorted(made, key=lambda shape: shape.name)
