"""Image files: listed from a folder or a table, sized by their headers, decoded to 8-bit RGB.

What is decoded is what a viewer sees: the first frame, turned as its EXIF orientation says, transparent parts on white;
16-bit samples keep their high byte. Profiles are ignored (values are taken as sRGB).
"""

from __future__ import annotations

import csv
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scoring.baselines.metric import RGB

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
MAX_PIXELS = 89_478_485  # Pillow's own limit
_BROKEN = (OSError, SyntaxError, ValueError, IndexError, KeyError, TypeError, EOFError, struct.error, MemoryError)


class Unreadable(ValueError):
    """The image cannot be decoded; the message says why."""


class InvalidImages(ValueError):
    """The list of images cannot be used; the message says why and how to mend it."""


@dataclass(frozen=True)
class ImageFile:
    """An image by the name it has in prediction files and answer keys, and where it lies."""

    name: str
    path: Path


def list_images(source: Path) -> tuple[list[ImageFile], dict[str, str]]:
    """(images, {name: prompt}) of a folder, or of a CSV with the columns name and, where it has them, file and prompt.

    Images of a folder are those directly in it, sorted by name; `file` is a path relative to the CSV, else the name is.
    Raises InvalidImages.
    """
    if source.is_dir():
        paths = sorted(path for path in source.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
        if not paths:
            raise InvalidImages(f"{source}: no images; looked for {', '.join(SUFFIXES)}")
        return [ImageFile(path.name, path) for path in paths], {}
    with source.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        if "name" not in (reader.fieldnames or ()):
            raise InvalidImages(f"{source}:1: the header has no column name")
        images, prompts, lines = [], {}, dict[str, int]()
        for row in reader:
            name = (row["name"] or "").strip()
            if not name or name in lines:
                why = f"{name!r} is on line {lines[name]} already" if name else "no name"
                raise InvalidImages(f"{source}:{reader.line_num}: {why}")
            lines[name] = reader.line_num
            images.append(ImageFile(name, source.parent / (row.get("file") or name)))
            if row.get("prompt"):
                prompts[name] = row["prompt"]
    if not images:
        raise InvalidImages(f"{source}: no rows")
    return images, prompts


def size_of(image: ImageFile) -> tuple[int, int]:
    """(height, width) by the header, before EXIF; (0, 0) where there is none to read."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(image.path) as picture:
                return picture.height, picture.width
    except _BROKEN:
        return 0, 0


def decode(path: Path) -> RGB:
    """Pixels of shape (height, width, 3), 0 to 255. Raises Unreadable."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise Unreadable(f"more than {MAX_PIXELS:,} pixels")
            picture.load()
            return _as_rgb(ImageOps.exif_transpose(picture))
    except Unreadable:
        raise
    except UnidentifiedImageError:
        raise Unreadable("not an image") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unreadable(f"more than {MAX_PIXELS:,} pixels") from None
    except FileNotFoundError:
        raise Unreadable("there is no such file") from None
    except _BROKEN as error:
        raise Unreadable(f"damaged: {error}") from None


def _as_rgb(picture: Image.Image) -> RGB:
    from PIL import Image

    if picture.mode.startswith("I;16"):
        gray = (np.asarray(picture).astype(np.uint16) >> 8).astype(np.uint8)
        return np.repeat(gray[:, :, None], 3, axis=2)
    if picture.mode in ("I", "F"):
        raise Unreadable("its samples have 32 bits: save it with 8 or 16")
    if "transparency" in picture.info or picture.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.asarray(picture.convert("RGB"))


def prompts_for(images: list[ImageFile], prompts: Mapping[str, str]) -> list[str]:
    """Their prompts in order. Raises InvalidImages that lists the first images without one."""
    missing = [image.name for image in images if not prompts.get(image.name)]
    if missing:
        raise InvalidImages(
            f"{len(missing)} of {len(images)} images have no prompt, which this metric needs: {', '.join(missing[:3])}"
        )
    return [prompts[image.name] for image in images]
