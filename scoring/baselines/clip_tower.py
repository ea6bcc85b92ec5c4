"""CLIP models of open_clip with weights from a file, and the pixels and tokens they take. No network access.

Sources: Radford et al. 2021 for the preprocessing (shorter side to 224, bicubic, centre); HPS v2 (Wu et al. 2023) for
the other (longer side to 224, black padding).
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from scoring.baselines.metric import RGB, MetricUnavailable
from scoring.baselines.torch_support import (
    CLIP_MEAN,
    CLIP_STD,
    as_tensor,
    load_into,
    make_torchvision_importable,
    read_state,
)

_NOT_WEIGHTS = ("input_resolution", "context_length", "vocab_size")  # numbers in OpenAI's archives


def load_clip(model: str, path: Path) -> Any:
    """open_clip's model of this name, with the weights of a checkpoint. Raises MetricUnavailable."""
    logging.disable(logging.WARNING)  # it warns that the weights are random: not for long
    try:
        clip = _open_clip().create_model(model, pretrained=None)
    finally:
        logging.disable(logging.NOTSET)
    state = {name: value for name, value in read_state(path).items() if name not in _NOT_WEIGHTS}
    load_into(clip, state, path)
    return clip


def tokenizer(model: str) -> Any:
    """texts -> token numbers, (n, 77); longer texts are cut."""
    return _open_clip().get_tokenizer(model)


def crop_centre(image: RGB, side: int = 224) -> RGB:
    """The shorter side resized to `side` (bicubic), then the centre: (side, side, 3)."""
    height, width = image.shape[:2]
    scale = side / min(height, width)
    resized = _resize(image, max(side, int(height * scale)), max(side, int(width * scale)))
    top, left = (round((length - side) / 2) for length in resized.shape[:2])
    return resized[top : top + side, left : left + side]


def pad_to_square(image: RGB, side: int = 224) -> RGB:
    """The longer side resized to `side` (bicubic), centred on black: (side, side, 3)."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    resized = _resize(image, max(1, round(height * scale)), max(1, round(width * scale)))
    square = np.zeros((side, side, 3), np.uint8)
    top, left = ((side - length) // 2 for length in resized.shape[:2])
    square[top : top + resized.shape[0], left : left + resized.shape[1]] = resized
    return square


def clip_pixels(image: RGB) -> torch.Tensor:
    """(3, height, width), float32, with CLIP's mean and deviation."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
    return (as_tensor(image).float() / 255 - mean) / std


def _resize(image: RGB, height: int, width: int) -> RGB:
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def _open_clip() -> Any:
    make_torchvision_importable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its dependencies' deprecations
            import open_clip
    except ImportError as error:
        raise MetricUnavailable(f"this metric needs open_clip ({error}): make gpu") from None
    return open_clip
