"""What the metrics that run in PyTorch share. Importing this module imports torch, and makes torchvision importable.

Contract: networks run in float32, without TF32, in evaluation mode, on deterministic kernels where there are any: a
score does not depend on what else is in the batch beyond rounding (1e-4 of its range is tested).
"""

from __future__ import annotations

import contextlib
import os
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scoring.baselines.metric import RGB, MetricUnavailable, Setting

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_LIBRARY: list[Any] = []  # torch forgets operators whose library is collected


def make_torchvision_importable() -> None:
    """Let a torchvision built for CUDA be imported beside a CPU build of torch.

    Its compiled part does not load there, and its Python part then registers fake kernels for two operators that
    nothing has declared. They are declared here; nothing in this package calls them.
    """
    if torch.version.cuda is not None or _LIBRARY:
        return
    _LIBRARY.append(torch.library.Library("torchvision", "FRAGMENT"))
    for operator in ("nms", "qnms"):
        with contextlib.suppress(RuntimeError):  # declared already, by torchvision or by another package
            _LIBRARY[0].define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


make_torchvision_importable()


def choose_device(name: str) -> torch.device:
    """ "auto" is a GPU if there is one, else the CPU. Raises MetricUnavailable for a device that is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise MetricUnavailable(f"device {name!r} cannot be used: {str(error).splitlines()[0]}") from None
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    return device


def pace(device: torch.device, batch_size: int, on_cpu: int) -> tuple[int, int]:
    """(batch size, batches at once). On a CPU large batches only push each other out of its caches: there, small ones
    are scored side by side, as many as cores allow with the threads that torch uses for each (OMP_NUM_THREADS).
    """
    if device.type != "cpu":
        return batch_size, 1
    return on_cpu, max(1, (os.cpu_count() or 1) // torch.get_num_threads())


def as_tensor(image: RGB) -> torch.Tensor:
    """(3, height, width), uint8."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def normaliser(mean: Sequence[float], std: Sequence[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of shape (3, 1, 1), to be kept as buffers."""
    return torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)


def read_state(path: Path, key: str = "") -> dict[str, torch.Tensor]:
    """Tensors of a checkpoint, by name, float32: a pickle of tensors, safetensors, or OpenAI's TorchScript archive.

    Nothing but tensors is unpickled. key: the entry that holds them, where there is one. Raises MetricUnavailable.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: Mapping[str, Any] = load_file(path)
        elif _is_torchscript(path):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript as a whole
                content = torch.jit.load(path, map_location="cpu").state_dict()
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise MetricUnavailable(f"{path}: not a readable checkpoint: {str(error).splitlines()[0]}") from error
    for wrapper in filter(None, (key, "state_dict")):
        content = content.get(wrapper, content)
    tensors = {name.removeprefix("module."): value for name, value in content.items() if torch.is_tensor(value)}
    return {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def load_into(network: torch.nn.Module, state: Mapping[str, torch.Tensor], source: Path) -> None:
    """Load tensors that must fit the network exactly. Raises MetricUnavailable that names the first that do not."""
    try:
        network.load_state_dict(dict(state))
    except RuntimeError as error:
        raise MetricUnavailable(f"{source}: not the weights of this network: {str(error)[:400]}") from None


class TorchMetric:
    """A metric that is a network over whole images: (n, 3, height, width) in [0, 1] to n values."""

    batch_size = 16  # on a GPU
    one_size = False

    def __init__(self, network: torch.nn.Module, setting: Setting) -> None:
        self.device = choose_device(setting.device)
        self.batch_size, self.parallel = pace(self.device, self.batch_size, on_cpu=1)
        self.network = network.to(self.device).eval().requires_grad_(False)

    def prepare(self, image: RGB, prompt: str) -> torch.Tensor:
        """The pixels, (3, height, width), uint8."""
        del prompt
        return as_tensor(image)

    def score(self, prepared: Sequence[torch.Tensor]) -> list[float]:
        """One value per image."""
        with torch.inference_mode():
            batch = torch.stack(list(prepared)).to(self.device, non_blocking=True).float() / 255
            values: list[float] = self.network(batch).float().flatten().tolist()
        return values
