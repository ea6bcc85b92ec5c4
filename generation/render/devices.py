"""Where a model runs: which device, in which dtype, how many images at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from generation.catalogue.sources import Diffusers
from generation.problems import InvalidInput

DEVICES = ("auto", "cuda", "mps", "cpu")
_TYPICAL_MEMORY = 24  # GB, of the cards for which the catalogue states max_batch


@dataclass(frozen=True)
class Device:
    """`name` is torch's; `label` that of the hardware; `memory` in GB, None where it is shared with everything else."""

    name: str
    label: str
    memory: float | None = None


def find_device(torch: Any, wanted: str = "auto") -> Device:
    """The device that is wanted, or with "auto" the best there is. Raises InvalidInput when there is no such device."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    kind = next(name for name, found in there.items() if found) if wanted == "auto" else wanted.partition(":")[0]
    if not there.get(kind):
        found = [name for name, is_there in there.items() if is_there]
        raise InvalidInput(f"there is no device {wanted!r} for torch here; there is: {', '.join(found)}")
    name = kind if wanted == "auto" else wanted
    if kind != "cuda":
        return Device(name, kind)
    properties = torch.cuda.get_device_properties(name)
    return Device(name, properties.name, properties.total_memory / 1e9)


def dtype_on(device: Device, source: Diffusers, dtype: str | None = None) -> str:
    """The dtype that was asked for, else that of the catalogue on CUDA and float32 elsewhere, where half precision is
    slow or gives black images."""
    return dtype or (source.dtype if device.name.startswith("cuda") else "float32")


def needs_offload(device: Device, source: Diffusers) -> bool:
    """Whether the model is too large for the GPU, so that its parts have to take turns there."""
    return device.memory is not None and source.memory > device.memory


def batch_limit(device: Device, source: Diffusers) -> int:
    """Images to try at a time: the catalogue's number, fewer on a small GPU. Out of memory halves it (Renderer)."""
    if device.memory is None:
        return source.max_batch
    return max(1, min(source.max_batch, int(source.max_batch * device.memory / _TYPICAL_MEMORY)))


def is_out_of_memory(error: BaseException, torch: Any) -> bool:
    """Whether fewer images at a time could help. Only CUDA has an exception of its own for it."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        said in str(error) for said in ("out of memory", "DefaultCPUAllocator: can't allocate memory")
    )
