"""The runner of baseline metrics against a plain loop, one image at a time, as Markdown tables.

    python -m benchmarks baselines

Both run the same metric with the same weights (random ones: speed does not depend on them) on the same files in the
same run, alternately; the loop decodes with Pillow, prepares and scores an image, then takes the next. For BRISQUE and
NIQE pyiqa's own implementation is a further peer where it is installed. Networks use as many threads as OMP_NUM_THREADS
says (make bench: 1); the runner's readers come on top.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import scoring.baselines.run as runner
from benchmarks.scoring import table
from scoring.baselines.images import ImageFile
from scoring.baselines.live import parameters
from scoring.baselines.registry import MetricInfo, WeightFile, find_metric
from scoring.baselines.run import run_chunk
from scoring.baselines.weights import accept

REPEATS = 3
SIZES = ((512, 512), (288, 512), (512, 384), (512, 288))  # height, width
Loop = Callable[[], list[float]]


def write_images(folder: Path, count: int) -> list[ImageFile]:
    """Real pictures as PNG, in the mix of shapes that the paper's plan has, names in random order of shape."""
    from skimage import data

    pictures = [getattr(data, name)()[..., :3] for name in ("astronaut", "coffee", "chelsea", "rocket")]
    rng = np.random.default_rng(0)
    images = []
    for number in range(count):
        height, width = SIZES[rng.choice(4, p=(0.5, 0.2, 0.15, 0.15))]
        picture = Image.fromarray(pictures[number % 4]).resize((width, height), Image.Resampling.BICUBIC)
        path = folder / f"{number:04d}.png"
        picture.save(path)
        images.append(ImageFile(path.name, path))
    return images


def plain_loop(info: MetricInfo, images: Sequence[ImageFile], weights: Path) -> Loop:
    """One image after the other, by the same metric."""
    metric = info.load(weights, "cpu")

    def run() -> list[float]:
        values = []
        for image in images:
            pixels = np.asarray(Image.open(image.path).convert("RGB"))
            values += metric.score([metric.prepare(pixels, "a photograph")])
        return values

    return run


def pyiqa_loop(name: str, images: Sequence[ImageFile], folder: Path) -> Loop | None:
    """One image after the other by pyiqa's own BRISQUE or NIQE, with the parameters of this package."""
    try:
        import torch

        from scoring.baselines.torch_support import as_tensor  # makes torchvision importable, which pyiqa imports

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pyiqa
    except ImportError:
        return None
    from scipy.io import savemat

    model = parameters()
    path = folder / f"{name}.parameters"
    if name == "niqe":
        savemat(path, {"mu_prisparam": model["niqe_mu"].reshape(1, -1), "cov_prisparam": model["niqe_cov"]}, False)
    else:
        torch.save([torch.from_numpy(model[f"brisque_{part}"]).float() for part in ("coef", "sv")], path)
    metric = pyiqa.create_metric(name, device=torch.device("cpu"), pretrained_model_path=str(path))

    def run() -> list[float]:
        values = []
        for image in images:
            pixels = np.asarray(Image.open(image.path).convert("RGB"))
            values.append(float(metric(as_tensor(pixels)[None].float() / 255)))
        return values

    return run


def best_of(runs: dict[str, Callable[[], Any]]) -> dict[str, tuple[float, float, Any]]:
    """{name: (fewest wall seconds, processor seconds of that run, what it returned)}, taken in turn."""
    found: dict[str, tuple[float, float, Any]] = {}
    for _ in range(REPEATS):
        for name, run in runs.items():
            wall, processor = time.perf_counter(), time.process_time()
            value = run()
            taken = (time.perf_counter() - wall, time.process_time() - processor, value)
            if name not in found or taken[0] < found[name][0]:
                found[name] = taken
    return found


def random_weights(folder: Path) -> dict[str, MetricInfo]:
    """Metrics with random weights in the published format."""
    import torch

    from scoring.baselines.cnniqa import CnniqaNetwork
    from scoring.baselines.dbcnn import DbcnnNetwork

    torch.manual_seed(0)
    metrics = {}
    for name, network in (("cnniqa", CnniqaNetwork()), ("dbcnn", DbcnnNetwork())):
        published = find_metric(name)
        # Not the published weights, so not under their digest.
        info = replace(published, weights=tuple(replace(entry, sha256="") for entry in published.weights))
        path = folder / info.weights[0].file
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"params": network.state_dict()}, path)
        accept(info, folder)
        metrics[name] = info
    import open_clip

    clip = open_clip.create_model("ViT-B-32-quickgelu", pretrained=None)
    torch.save(clip.state_dict(), folder / "clip.pt")
    fields = {"title": "CLIPScore", "source": "", "group": "alignment", "range": "", "preprocessing": "", "licence": ""}
    entry = {"weights": (WeightFile(file="clip.pt"),), "options": {"model": "ViT-B-32-quickgelu"}}
    metrics["clip"] = MetricInfo(
        name="clip", **fields, **entry, code="scoring.baselines.clip:ClipCosine", needs_prompt=True
    )
    accept(metrics["clip"], folder)
    return metrics


def compare(metrics: dict[str, MetricInfo], count: int, folder: Path) -> list[list[str]]:
    """Rows of a table: images a second of the runner and of the loop."""
    rows = []
    for name, info in metrics.items():
        images = write_images(folder, count)
        prompts = dict.fromkeys((image.name for image in images), "a photograph")
        runs: dict[str, Callable[[], Any]] = {
            "runner": lambda info=info, images=images, prompts=prompts: [
                row.raw for row in run_chunk(info, images, prompts, "cpu", weights=folder)
            ],
            "loop": plain_loop(info, images, folder),
        }
        run_chunk(info, images[:4], prompts, "cpu", weights=folder)  # loaded before the clock starts
        peer = pyiqa_loop(name, images, folder) if name in ("brisque", "niqe") else None
        if peer is not None:
            runs["pyiqa"] = peer
        found = best_of(runs)
        runner._RESIDENT = runner._Resident()
        difference = np.abs(np.subtract(found["runner"][2], found["loop"][2])).max()
        cells = [f"{count / found['runner'][0]:.1f}", f"{count / found['loop'][0]:.1f}"]
        cells.append(f"**{found['loop'][0] / found['runner'][0]:.2f}**")
        cells.append(f"{found['loop'][1] / found['runner'][1]:.2f}")
        cells.append(f"{found['pyiqa'][0] / found['runner'][0]:.1f}" if "pyiqa" in found else "–")
        rows.append([name, str(count), *cells, f"{difference:.1e}"])
    return rows


def main() -> None:
    """Print the table; the networks only where the gpu set is installed."""
    threads = os.environ.get("OMP_NUM_THREADS", "as many as cores")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = compare({one: find_metric(one) for one in ("brisque", "niqe")}, 64, folder)
        try:
            networks = random_weights(folder)
        except ImportError:
            print("\nThe gpu set is not installed: the networks are left out.")
        else:
            rows += compare({one: networks[one] for one in ("cnniqa", "clip")}, 48, folder)
            rows += compare({"dbcnn": networks["dbcnn"]}, 8, folder)
    header = ["metric", "images", "runner, images/s", "loop, images/s", "ratio, wall", "ratio, processor"]
    table(
        f"Runner against a loop of one image at a time, {os.cpu_count()} cores, OMP_NUM_THREADS {threads}",
        [*header, "pyiqa's loop, ratio", "largest difference to the loop"],
        rows,
    )


if __name__ == "__main__":
    main()
