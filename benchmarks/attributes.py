"""CPU time of image attributes per image and core, beside scikit-image's blur and the formulas in numpy and scipy.

    OMP_NUM_THREADS=1 python -m benchmarks attributes

Five test pictures of scikit-image, scaled to 1024 x 1024 and saved as PNG; the best of several passes over all of them,
in process time, so load on the machine matters little. The peer computes the same five numbers with `blur_effect` of
scikit-image (blur) and scipy's Sobel filter and numpy (the others), on pixels that are decoded already.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scoring import milliseconds, table

EDGE = 1024
PASSES = 5
PICTURES = ("astronaut", "coffee", "chelsea", "rocket", "camera")


def pictures() -> list[Any]:
    """Pixels of shape (1024, 1024, 3)."""
    import cv2
    from skimage import data

    found = []
    for name in PICTURES:
        pixels = getattr(data, name)()
        pixels = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
        found.append(cv2.resize(pixels, (EDGE, EDGE), interpolation=cv2.INTER_CUBIC))
    return found


def peer(rgb: Any) -> dict[str, float]:
    """The five attributes by scikit-image, scipy and numpy."""
    from scipy.ndimage import sobel
    from skimage.measure import blur_effect

    y = np.floor(rgb @ np.array([0.299, 0.587, 0.114]) + 0.5)
    red, green, blue = (rgb[:, :, i].astype(np.float64) for i in range(3))
    rg, yb = red - green, (red + green) / 2 - blue
    return {
        "light": y.mean() / 255,
        "contrast": y.std() / 255,
        "colour": np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()),
        "blur": blur_effect(y.astype(np.uint8)),
        "si": np.hypot(sobel(y, 0), sobel(y, 1))[1:-1, 1:-1].std(),
    }


def cpu_seconds(run: Callable[[Any], object], inputs: Sequence[Any]) -> float:
    """Process time per input, the best of PASSES passes over all inputs."""
    best = float("inf")
    for _ in range(PASSES):
        began = time.process_time()
        for one in inputs:
            run(one)
        best = min(best, time.process_time() - began)
    return best / len(inputs)


def main() -> None:
    """Print the table."""
    from PIL import Image

    from generation.attributes.collect import measure_file
    from generation.attributes.measure import at_edge, measure
    from generation.images import ImageFile, decode

    images = pictures()
    worst = max(abs(measure(image)[name] - value) for image in images for name, value in peer(image).items())
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{name}.png" for name in PICTURES]
        for image, path in zip(images, files, strict=True):
            Image.fromarray(image).save(path)
        jobs = [(ImageFile(path.name, path), None) for path in files]
        contents = [path.read_bytes() for path in files]
        reference = cpu_seconds(peer, images)
        rows = [
            ["scikit-image's blur_effect alone", cpu_seconds(_blur_alone, images)],
            ["all five by scikit-image, scipy and numpy", reference],
            ["all five by this library", cpu_seconds(measure, images)],
            ["the same at a longest edge of 512, with scaling", cpu_seconds(lambda one: measure(at_edge(one)), images)],
            ["decoding the PNG", cpu_seconds(decode, contents)],
            ["a row of `python -m generation attributes`: all of it", cpu_seconds(measure_file, jobs)],
        ]
    table(
        f"Attributes of a {EDGE} x {EDGE} image, CPU time of one core",
        ["what", "per image", "share of the peer"],
        [[str(what), milliseconds(seconds), f"{seconds / reference:.2f}"] for what, seconds in rows],
    )
    print(f"\nLargest difference of any attribute from the peer: {worst:.1e}.")


def _blur_alone(rgb: Any) -> float:
    from skimage.measure import blur_effect

    return float(blur_effect(rgb, channel_axis=-1))


if __name__ == "__main__":
    main()
