"""Real pictures, and images as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scoring.baselines.images import ImageFile


@pytest.fixture(scope="session")
def pictures() -> dict[str, np.ndarray]:
    """Photographs that come with scikit-image, RGB."""
    data = pytest.importorskip("skimage.data")
    return {name: getattr(data, name)()[..., :3] for name in ("astronaut", "coffee", "chelsea", "rocket")}


@pytest.fixture
def save(tmp_path) -> Callable[..., ImageFile]:
    """save(name, pixels): an image as PNG."""

    def write(name: str, pixels: np.ndarray, folder: Path = tmp_path) -> ImageFile:
        Image.fromarray(pixels).save(folder / name)
        return ImageFile(name, folder / name)

    return write
