"""Rendering in batches against one image a call, which is how the peers' scripts draw; the toy model, on the CPU.

The peer is diffusers alone: one pipeline, one call and one PNG per image. This library adds a record, a checksum and
fsync per image. All rows draw the same images in the same run; the largest difference of any pixel is printed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.scoring import milliseconds, table
from generation.catalogue.models import read_generators
from generation.demo.vocabulary import all_prompts
from generation.render import ImageRequest, Renderer
from generation.render.libraries import load_diffusers, load_torch, without_deprecations
from generation.render.run import render_all

IMAGES = 32
STEPS = 10
PASSES = 3
SIZES = (1, 4, 8, 16)


def requests() -> list[ImageRequest]:
    """Images of one kind, which one call could draw."""
    prompts = all_prompts()[:: len(all_prompts()) // IMAGES][:IMAGES]
    return [ImageRequest(f"{i:03d}.png", text, "toy", STEPS, 4.0, 64, 64, i) for i, text in enumerate(prompts)]


def peer(wanted: Sequence[ImageRequest], folder: Path) -> Callable[[Path], None]:
    """A loop over diffusers, with the pipeline loaded."""
    torch, diffusers = load_torch(), load_diffusers()
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)

    def run(out: Path) -> None:
        for one in wanted:
            image = pipe(
                one.prompt,
                height=one.height,
                width=one.width,
                num_inference_steps=one.steps,
                guidance_scale=one.cfg,
                generator=torch.Generator("cpu").manual_seed(one.seed),
            ).images[0]
            image.save(out / one.name)

    return run


def measure(run: Callable[[Path], object]) -> tuple[float, float, dict[str, np.ndarray]]:
    """Seconds of the clock and of the processor per image, the best of PASSES, and the images."""
    from PIL import Image

    clock = processor = float("inf")
    pixels = {}
    for _ in range(PASSES):
        with tempfile.TemporaryDirectory() as folder:
            began, worked = time.perf_counter(), time.process_time()
            run(Path(folder))
            clock = min(clock, (time.perf_counter() - began) / IMAGES)
            processor = min(processor, (time.process_time() - worked) / IMAGES)
            pixels = {path.name: np.asarray(Image.open(path)) for path in Path(folder).glob("*.png")}
    return clock, processor, pixels


def main() -> None:
    """Print the table."""
    if find_spec("torch") is None:
        print("### Rendering\n\nNot measured: torch is not installed (`make gpu`).\n")
        return
    entries, wanted = read_generators(), requests()
    source = entries["toy"].source
    with without_deprecations(), Renderer(entries, Path("none"), "cpu") as renderer:
        renderer.render(wanted[:1], Path(tempfile.mkdtemp()))  # loads
        results = {"diffusers, one image a call": measure(peer(wanted, source.weights.folder))}
        for size in SIZES:
            results[f"this library, {size} at a time"] = measure(
                lambda out, size=size: render_all(wanted, out, lambda: nullcontext(renderer), batch_size=size)
            )
    reference = results["diffusers, one image a call"]
    rows = [
        [
            name,
            milliseconds(clock),
            milliseconds(processor),
            f"{processor / reference[1]:.2f}",
            str(max(int(np.abs(pixels[n].astype(int) - reference[2][n]).max()) for n in reference[2])),
        ]
        for name, (clock, processor, pixels) in results.items()
    ]
    table(
        f"Rendering {IMAGES} images of 64 x 64, {STEPS} steps, toy model on the CPU",
        ["how", "clock per image", "processor per image", "ratio", "largest difference of 255"],
        rows,
    )


if __name__ == "__main__":
    main()
