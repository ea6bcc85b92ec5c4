"""Rated images as a network in training sees them: random crops, whole images, or features worked out once.

Every random choice comes from (seed, epoch, place of the image), so that what an epoch sees does not depend on whether
the run was interrupted before it, nor on threads.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scoring.answer_key import read_answer_key
from scoring.baselines.files import write_whole
from scoring.baselines.images import ImageFile, InvalidImages, Unreadable, decode, list_images
from scoring.baselines.metric import RGB
from scoring.baselines.run import ahead
from scoring.baselines.torch_support import as_tensor


@dataclass(frozen=True)
class Sample:
    """An image and its MOS."""

    image: ImageFile
    mos: float


def read_samples(images: Path, key: Path) -> list[Sample]:
    """The images of an answer key, from a folder or a CSV. Raises InvalidImages, InvalidAnswerKey."""
    files = {image.name: image for image in list_images(images)[0]}
    answers = read_answer_key(key)
    missing = [name for name in answers.names if name not in files]
    if missing:
        raise InvalidImages(f"{images}: {len(missing)} images of {key} are missing: {', '.join(missing[:3])}")
    return [Sample(files[name], float(mos)) for name, mos in zip(answers.names, answers.mos, strict=True)]


def digest(samples: Sequence[Sample]) -> str:
    """SHA-256 over names and MOS."""
    rows = [[sample.image.name, sample.mos.hex()] for sample in samples]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def random_crop(image: RGB, side: int, rng: np.random.Generator) -> RGB:
    """A square of `side` pixels, mirrored half of the time; a smaller image is enlarged first (bicubic)."""
    from PIL import Image

    height, width = image.shape[:2]
    if min(height, width) < side:
        scale = side / min(height, width)
        size = (max(side, round(width * scale)), max(side, round(height * scale)))
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
        height, width = image.shape[:2]
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    crop = image[top : top + side, left : left + side]
    return crop[:, ::-1] if rng.random() < 0.5 else crop


def order_of(count: int, seed: int, epoch: int) -> list[int]:
    """The order in which an epoch takes the samples."""
    order: list[int] = np.random.default_rng([seed, epoch]).permutation(count).tolist()
    return order


def crops(samples: Sequence[Sample], places: Sequence[int], side: int, seed: int, epoch: int) -> Iterator[torch.Tensor]:
    """Crops of the samples at these places, (3, side, side), 0 to 1, read ahead. Raises Unreadable."""

    def read(place: int) -> torch.Tensor:
        rng = np.random.default_rng([seed, epoch, place])
        return as_tensor(random_crop(_pixels(samples[place]), side, rng)).float() / 255

    yield from _good(ahead(read, places, depth=64))


def wholes(samples: Sequence[Sample]) -> Iterator[torch.Tensor]:
    """Each image as the metric sees it, (3, height, width), 0 to 1. Raises Unreadable."""

    def read(sample: Sample) -> torch.Tensor:
        return as_tensor(_pixels(sample)).float() / 255

    yield from _good(ahead(read, samples, depth=16))


def cached_features(path: Path, samples: Sequence[Sample], network: Any, device: torch.device) -> torch.Tensor:
    """What `network.features` makes of each whole image, (n, width), from the file at `path` once it is there.

    The file is mapped, not read: DBCNN has 65,536 numbers per image, 3.7 GB for 14,000.
    """
    if not path.exists():
        part = path.with_suffix(f".{uuid.uuid4().hex}.part.npy")  # repeats may run side by side
        file: Any = None
        with torch.inference_mode():
            for place, image in enumerate(wholes(samples)):
                row = network.features(image[None].to(device)).float().cpu().numpy()[0]
                if file is None:
                    file = np.lib.format.open_memmap(part, "w+", np.float32, (len(samples), row.size))
                file[place] = row
        file.flush()
        part.replace(path)
    return torch.from_numpy(np.load(path, mmap_mode="c"))


def record(path: Path, value: Any) -> None:
    """JSON, written whole."""
    write_whole(path, json.dumps(value, indent=2, allow_nan=False).encode() + b"\n")


def _pixels(sample: Sample) -> RGB:
    try:
        return decode(sample.image.path)
    except Unreadable as error:
        raise Unreadable(f"{sample.image.name}: {error}") from None


def _good(outcomes: Generator[Any, None, None]) -> Iterator[torch.Tensor]:
    with contextlib.closing(outcomes):
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
            yield outcome
