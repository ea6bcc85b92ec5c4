"""torch, diffusers and transformers, imported in the order and with the settings that rendering needs."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from typing import Any

_shim: Any = None  # torch forgets the operators of a Library that nobody holds


def load_torch() -> Any:
    """torch, made ready for torchvision."""
    import torch

    _complete_torchvision(torch)
    return torch


def load_diffusers() -> Any:
    """diffusers, quiet and offline: weights are read from folders, and no use is reported to anyone."""
    load_torch()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import diffusers
    import transformers

    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return diffusers


@contextlib.contextmanager
def without_deprecations() -> Iterator[None]:
    """What these libraries say to each other about their futures is nothing a user can mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        yield


def versions() -> dict[str, str]:
    """Versions of the libraries that decide the pixels."""
    from importlib.metadata import version

    return {name: version(name) for name in ("torch", "diffusers", "transformers")}


def _complete_torchvision(torch: Any) -> None:
    """Declare the two operators that torchvision registers a function for without looking whether they exist.

    They live in an extension that is built for CUDA and does not load beside a CPU build of torch; without them
    `import torchvision`, and so diffusers, fails. All else that is used of torchvision is Python.
    """
    global _shim  # noqa: PLW0603 (see above)
    if torch.version.cuda is not None or _shim is not None:
        return
    _shim = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        try:
            _shim.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        except RuntimeError:
            continue  # already declared: the extension did load
