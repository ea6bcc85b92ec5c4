"""Small images whose quality is computed, not rated.

Textures with the spectrum of natural scenes are drawn here, and each is blurred, made noisy or compressed. The values
are the PSNR of each image against its original: nobody has rated anything, and the pages say so. The same on
every machine, up to the last digits that libraries of images may differ in.
"""

from __future__ import annotations

import dataclasses
import io

import numpy as np
from numpy.typing import NDArray

SCENES = 6
SIDE = 192  # pixels: NIQE looks at blocks of 96
LEVELS = {"blur": (0.6, 1.2, 2.4), "noise": (4.0, 10.0, 25.0), "jpeg": (60.0, 20.0, 8.0)}

Pixels = NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Degraded:
    """One image: its file name, what was done to it, its PSNR in dB against the original, and the PNG."""

    name: str
    degradation: str
    psnr: float
    png: bytes


def degraded_images() -> list[Degraded]:
    """Every scene with every degradation at each of its levels, by name."""
    made = []
    for scene in range(SCENES):
        original = _scene(scene)
        for degradation, levels in LEVELS.items():
            for number, level in enumerate(levels, start=1):
                pixels = _degrade(original, degradation, level, seed=100 * scene + number)
                name = f"scene{scene + 1}_{degradation}{number}.png"
                made.append(Degraded(name, degradation, psnr(original, pixels), _png(pixels)))
    return sorted(made, key=lambda image: image.name)


def psnr(original: Pixels, degraded: Pixels) -> float:
    """Peak signal-to-noise ratio of 8-bit images in dB: 10 log10(255² / mean squared error). The two differ."""
    error = np.mean((original.astype(np.float64) - degraded) ** 2)
    return float(10 * np.log10(255**2 / error))


def _scene(seed: int) -> Pixels:
    """A colour texture, shape (SIDE, SIDE, 3), whose amplitudes fall as 1 / frequency, as in natural scenes (Field
    1987)."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :])
    frequency[0, 0] = np.inf  # no mean
    luma = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) / frequency, s=(SIDE, SIDE))
    tint = rng.uniform(0.7, 1.0, 3)
    pixels: Pixels = np.clip((128 + 45 * luma / luma.std())[:, :, None] * tint, 0, 255).astype(np.uint8)
    return pixels


def _degrade(original: Pixels, degradation: str, level: float, seed: int) -> Pixels:
    """Gaussian blur of `level` pixels, Gaussian noise of `level` grey values, or JPEG at quality `level`."""
    from PIL import Image, ImageFilter

    if degradation == "noise":
        noise = np.random.default_rng(seed).normal(0, level, original.shape)
        noisy: Pixels = np.clip(np.rint(original + noise), 0, 255).astype(np.uint8)
        return noisy
    image = Image.fromarray(original)
    if degradation == "blur":
        return np.asarray(image.filter(ImageFilter.GaussianBlur(level)))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=int(level))
    with Image.open(stream) as decoded:
        return np.asarray(decoded.convert("RGB"))


def _png(pixels: Pixels) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()
