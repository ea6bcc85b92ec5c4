"""Draw two images with every model whose weights are here, and say whether they are what they should be.

`make gpu-check` runs it on a machine with a GPU, where the real weights are; the toy model is always among them. For
each model: two images in one call at the catalogue's defaults, the first again alone. Passed when no value overflowed,
no image is black or of one colour, the two differ, and the one drawn alone differs from its like by less than TOLERANCE
on average (in half precision a batch changes rounding, and steps amplify it). The images are kept to be looked at.

    python -m generation.render.check --weights var/weights --out var/gpu-check
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generation.catalogue.models import Generators, Model, read_generators
from generation.catalogue.sources import Diffusers
from generation.problems import InvalidInput
from generation.render.devices import Device, dtype_on, find_device, is_out_of_memory, needs_offload
from generation.render.libraries import load_torch, versions
from generation.render.options import add_catalogue
from generation.render.pipelines import Pipeline
from generation.render.renderer import png_of
from generation.render.requests import ImageRequest

TOLERANCE = 0.02  # of values from 0 to 1
PROMPTS = ("a large red circle on the left, blue background", "a small yellow square on the right, green background")
COLUMNS = ("model", "dtype", "load, s", "image, s", "memory, GB", "alone against in a batch", "result")


@dataclass(frozen=True)
class Outcome:
    """What was measured with a model; `problem` is "" when all is as it should be. `memory` in GB, None off CUDA."""

    name: str
    dtype: str
    load: float
    image: float
    memory: float | None
    difference: float
    problem: str

    def row(self) -> str:
        """A line of a Markdown table."""
        memory = "" if self.memory is None else f"{self.memory:.1f}"
        cells = (self.name, self.dtype, f"{self.load:.1f}", f"{self.image:.2f}", memory, f"{self.difference:.1e}")
        return f"| {' | '.join(cells)} | {self.problem or 'passed'} |"


def models_here(entries: Generators, weights: Path) -> list[Model]:
    """The models that can be drawn without fetching anything."""
    return [
        entry
        for entry in entries.values()
        if isinstance(entry.source, Diffusers)
        and all((part.folder or weights / part.place).is_dir() for part in entry.source.all_weights)
    ]


def check(model: Model, weights: Path, device: Device, out: Path) -> Outcome:
    """Draw, compare, and store the two images as OUT/MODEL_0.png and _1.png."""
    torch, source = load_torch(), model.source
    assert isinstance(source, Diffusers)  # noqa: S101  (models_here)
    dtype = dtype_on(device, source)
    began = time.perf_counter()
    pipeline = Pipeline(source, weights, device.name, dtype, offload=needs_offload(device, source))
    load = time.perf_counter() - began
    requests = _requests(model)
    seeds = [request.seed for request in requests]
    began = time.perf_counter()
    together = pipeline.draw(requests, seeds)
    image = (time.perf_counter() - began) / len(requests)
    alone = pipeline.draw(requests[:1], seeds[:1])
    out.mkdir(parents=True, exist_ok=True)
    for request, pixels in zip(requests, together, strict=True):
        (out / request.name).write_bytes(png_of(np.nan_to_num(pixels)))
    difference = float(np.abs(together[0] - alone[0]).mean())
    memory = torch.cuda.max_memory_allocated() / 1e9 if device.name.startswith("cuda") else None
    return Outcome(model.name, dtype, load, image, memory, difference, fault(together, difference))


def fault(images: NDArray[np.float32], difference: float) -> str:
    """What is wrong with two images of different prompts; "" when nothing is."""
    if not np.isfinite(images).all():
        return "values overflowed"
    if images.reshape(len(images), -1).std(axis=1).min() < 0.01:
        return "black or of one colour"
    if np.abs(images[0] - images[1]).mean() < 0.01:
        return "both prompts give the same image"
    return "" if difference < TOLERANCE else "a batch changes the image"


def _requests(model: Model) -> Sequence[ImageRequest]:
    cfg = None if model.cfg is None else float(model.cfg)
    edge = model.longest_edge
    return [
        ImageRequest(f"{model.name}_{i}.png", prompt, model.name, model.iterations, cfg, edge, edge, seed=i + 1)
        for i, prompt in enumerate(PROMPTS)
    ]


def _outcomes(models: Sequence[Model], arguments: argparse.Namespace, device: Device, torch: Any) -> Iterator[Outcome]:
    for model in models:
        if device.name.startswith("cuda"):
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        try:
            yield check(model, arguments.weights, device, arguments.out)
        except (RuntimeError, ValueError, OSError, MemoryError) as error:
            what = "out of memory" if is_out_of_memory(error, torch) else " ".join(str(error).split())[:200]
            yield Outcome(model.name, "", 0, 0, None, float("nan"), f"failed: {what}")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 0 when every model passed, 1 when one did not, 2 when torch or the device is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m generation.render.check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_catalogue(parser)
    parser.add_argument("--device", default="auto", help="auto (default), cuda, cuda:1, mps or cpu")
    parser.add_argument("--out", type=Path, default=Path("var/gpu-check"), metavar="FOLDER", help="for the images")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="only these (default: all whose weights are here)")
    arguments = parser.parse_args(argv)
    try:
        torch = load_torch()
        device = find_device(torch, arguments.device)
        entries = read_generators(arguments.catalogue)
    except ModuleNotFoundError as error:
        print(f"the package {error.name} is missing: run `make gpu`", file=sys.stderr)
        return 2
    except (InvalidInput, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    here = models_here(entries, arguments.weights)
    chosen = [model for model in here if not arguments.models or model.name in arguments.models]
    print(f"{device.label}; {', '.join(f'{name} {version}' for name, version in versions().items())}\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    problems = 0
    for outcome in _outcomes(chosen, arguments, device, torch):
        print(outcome.row(), flush=True)
        problems += bool(outcome.problem)
    absent = [e.name for e in entries.values() if isinstance(e.source, Diffusers) and e not in here]
    if absent:
        print(f"\nNot checked, weights not here: {', '.join(absent)}")
    print(f"\nThe images are in {arguments.out}.")
    return 1 if problems or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
