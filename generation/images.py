"""Image files: found, listed and decoded to 8-bit RGB, with a reason for each that cannot be.

What is decoded is what a viewer sees: the first frame, turned as its EXIF orientation says, transparent parts laid on
white. Samples of 16 bits keep their high byte, as libpng does; gray and palette images become RGB; colour profiles are
ignored (values are taken as sRGB). Refused: damaged or cut files, samples of 32 bits, more than MAX_PIXELS.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from generation.problems import InvalidInput
from generation.tables import read_table

SUFFIXES = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".gif": "GIF",
}
MAX_PIXELS = 89_478_485  # Pillow's own limit: 1 GB of 32-bit values in 3 channels

RGB = NDArray[np.uint8]


class Unreadable(ValueError):
    """The image cannot be decoded; the message says why."""


@dataclass(frozen=True)
class ImageFile:
    """An image by the name it has in tables, and where it lies."""

    name: str
    path: Path


def list_images(source: Path) -> list[ImageFile]:
    """The images of a folder (all levels, sorted by name) or of a CSV with a column name (and file, if they differ).

    Names from a folder are paths below it with forward slashes; paths in a CSV are relative to its folder. Raises
    InvalidInput for a folder without images, a CSV without the column, repeated names and control characters in them.
    """
    if source.is_dir():
        found = [
            ImageFile(path.relative_to(source).as_posix(), path)
            for path in source.rglob("*")
            if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
        ]
        if not found:
            raise InvalidInput(f"{source}: no images; looked for {', '.join(SUFFIXES)}")
        return _checked(source, sorted(found, key=lambda image: image.name))
    table = read_table(source, ["name"])
    names = table.unique("name")
    files = table.filled("file") if "file" in table.columns else names
    return _checked(source, [ImageFile(name, source.parent / file) for name, file in zip(names, files, strict=True)])


def _checked(source: Path, images: list[ImageFile]) -> list[ImageFile]:
    if bad := [image.name for image in images if not image.name.isprintable()]:
        raise InvalidInput(*(f"{source}: the name {name!r} holds control characters: rename it" for name in bad))
    return images


def decode(content: bytes) -> tuple[RGB, str]:
    """Pixels of shape (height, width, 3), 0 to 255, and the format ("PNG", "JPEG", ...). Raises Unreadable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow mends by itself, such as odd EXIF blocks
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content)) as image:
                image.load()
                kind = "JPEG" if image.format == "MPO" else image.format or ""  # MPO: a JPEG with a second picture
                return _as_rgb(ImageOps.exif_transpose(image)), kind
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Unreadable(f"more than {MAX_PIXELS:,} pixels") from None
    except UnidentifiedImageError:
        raise Unreadable("not an image" if content else "the file is empty") from None
    except Unreadable:
        raise
    except MemoryError:
        raise Unreadable("too large for the memory of this machine") from None
    except (OSError, SyntaxError, ValueError, IndexError, KeyError, TypeError, EOFError, struct.error) as error:
        raise Unreadable(f"damaged: {error}") from None


def suffix_problem(name: str, kind: str) -> str | None:
    """What is wrong with the ending of a file's name, given the format that its content has."""
    expected = SUFFIXES.get(PurePosixPath(name).suffix.lower())
    if expected == kind:
        return None
    return f"the content is {kind}, the name says {expected or 'nothing of the format'}: rename it"


def _as_rgb(image: Image.Image) -> RGB:
    if image.mode.startswith("I;16"):
        gray = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
        return np.repeat(gray[:, :, None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise Unreadable("its samples have 32 bits: save it with 8 or 16")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))
