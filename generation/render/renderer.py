"""Batches of requests become PNG files with records.

What can go wrong with an image, and the rule:
- out of memory: the batch is halved, and that size is kept for its kind of batch;
- an error in a batch: each of its images is drawn alone, once; what fails then is "failed";
- a black image (safety checkers that a repository brings, overflow of half precision): drawn again with another seed,
  twice at most; then it is "black" and no file is written. The further seeds follow from the first (`seed_of`).
"""

from __future__ import annotations

import gc
import io
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generation.catalogue.models import Generators
from generation.catalogue.sources import Diffusers
from generation.parallel import cores
from generation.render.devices import Device, batch_limit, dtype_on, find_device, is_out_of_memory, needs_offload
from generation.render.libraries import load_torch, versions
from generation.render.pipelines import Pipeline
from generation.render.records import Rendered, asked, store
from generation.render.requests import ImageRequest, batches, check_requests
from generation.render.weights import fetch, parts_of, pinned

DRAWS = 3  # of an image that comes out black
_BLACK = 3 / 255  # no sample above this: black to any eye


@dataclass(frozen=True)
class _Drawn:
    """Pixels (height, width, 3) from 0 to 1, or None and the problem."""

    pixels: NDArray[np.float32] | None
    seconds: float
    batch: int
    problem: str = ""


class Renderer:
    """Draws images; holds the pipeline of one generator at a time. A context manager, for one thread."""

    def __init__(
        self,
        entries: Generators,
        weights: Path,
        device: str = "auto",
        dtype: str | None = None,
        *,
        offline: bool = True,
    ) -> None:
        """weights: folder that `python -m generation weights fetch` fills. device: "auto", "cuda", "cuda:1", "mps",
        "cpu". dtype: None for the catalogue's on CUDA and float32 elsewhere. offline: False fetches missing weights
        whose licences were acknowledged. Raises InvalidInput for a device that is not there.
        """
        if not offline:
            os.environ["HF_HUB_OFFLINE"] = "0"  # before anything imports huggingface_hub, which reads it once
        self._torch = load_torch()
        self._entries = entries
        self._weights = weights
        self._dtype = dtype
        self._offline = offline
        self._device = find_device(self._torch, device)
        self._resident: tuple[str, Pipeline] | None = None
        self._limits: dict[tuple[object, ...], int] = {}

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory of the pipeline back."""
        self._resident = None
        gc.collect()
        self._empty_cache()

    @property
    def device(self) -> Device:
        """What it runs on."""
        return self._device

    def render(self, batch: Sequence[ImageRequest], folder: Path) -> list[Rendered]:
        """Draw every request and write its image and record into the folder; results are in the order of the requests.

        Nothing is skipped: what is finished already is for the caller to leave out (generation.render.finished).
        Requests with different keys are drawn one kind after the other. Raises InvalidInput for requests that cannot
        be drawn and missing weights, before anything is drawn; OSError when a file cannot be written.
        """
        check_requests(batch, self._entries)
        folder.mkdir(parents=True, exist_ok=True)
        done: dict[str, Rendered] = {}
        for part in batches(batch, max(1, len(batch))):
            done |= {image.name: image for image in self._render_alike(part, folder)}
        return [done[request.name] for request in batch]

    def _render_alike(self, requests: Sequence[ImageRequest], folder: Path) -> list[Rendered]:
        pipeline = self._pipeline(requests[0].generator)
        waiting = list(requests)
        results: list[Rendered] = []
        spent = dict.fromkeys((request.name for request in requests), 0.0)
        with ThreadPoolExecutor(min(8, cores())) as pool:  # PNG compression runs beside itself, outside Python's lock
            for draw in range(1, DRAWS + 1):
                seeds = [seed_of(request, draw) for request in waiting]
                drawn = self._draw(pipeline, waiting, seeds)
                pngs = pool.map(_png, [one.pixels for one in drawn])
                again: list[ImageRequest] = []
                for request, seed, one, png in zip(waiting, seeds, drawn, pngs, strict=True):
                    spent[request.name] += one.seconds
                    problem = one.problem or _blank(one.pixels)
                    if problem and not one.problem and draw < DRAWS:
                        again.append(request)
                        continue
                    result = Rendered(
                        name=request.name,
                        status="failed" if one.problem else "black" if problem else "done",
                        sha256=None if problem else sha256(png).hexdigest(),
                        bytes=None if problem else len(png),
                        seconds=round(spent[request.name], 3),
                        attempts=draw,
                        seed_used=seed,
                        provenance=self._provenance(pipeline, request, one.batch),
                        problem=problem,
                    )
                    if not problem:
                        store(result, png, folder)
                    results.append(result)
                waiting = again
                if not waiting:
                    break
        return results

    def _draw(self, pipeline: Pipeline, requests: Sequence[ImageRequest], seeds: Sequence[int]) -> list[_Drawn]:
        """One entry per request; batches no larger than memory was found to allow."""
        key = requests[0].key
        drawn: list[_Drawn] = []
        while len(drawn) < len(requests):
            size = self._limits.setdefault(key, batch_limit(self._device, pipeline.source))
            part = slice(len(drawn), len(drawn) + size)
            drawn += self._try(pipeline, requests[part], seeds[part])
        return drawn

    def _try(self, pipeline: Pipeline, requests: Sequence[ImageRequest], seeds: Sequence[int]) -> list[_Drawn]:
        """One call; nothing when it needs more memory than there is and fewer images may do."""
        began = time.perf_counter()
        count = len(requests)
        try:
            pixels = pipeline.draw(requests, seeds)
        except self._torch.AcceleratorError:
            raise  # the device is of no use to this process any more
        except Exception as error:  # noqa: BLE001  libraries raise anything; one image must not stop twenty thousand
            if is_out_of_memory(error, self._torch):
                self._empty_cache()
                if count > 1:
                    self._limits[requests[0].key] = count // 2
                    return []
            elif count > 1:
                return [self._try(pipeline, [one], [seed])[0] for one, seed in zip(requests, seeds, strict=True)]
            problem = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
            return [_Drawn(None, time.perf_counter() - began, 1, problem)]
        seconds = (time.perf_counter() - began) / count
        return [_Drawn(one, seconds, count) for one in pixels]

    def _empty_cache(self) -> None:
        if self._device.name.startswith("cuda"):
            self._torch.cuda.empty_cache()

    def _pipeline(self, name: str) -> Pipeline:
        """The generator's pipeline, loaded if it is not the resident one."""
        if self._resident is None or self._resident[0] != name:
            source = self._entries[name].source
            assert isinstance(source, Diffusers)  # noqa: S101 (check_requests saw to it)
            self.close()
            if not self._offline:
                self._fetch_missing(name)
            self._resident = (
                name,
                Pipeline(
                    source,
                    self._weights,
                    self._device.name,
                    dtype_on(self._device, source, self._dtype),
                    offload=needs_offload(self._device, source),
                ),
            )
        return self._resident[1]

    def _fetch_missing(self, name: str) -> None:
        for part in parts_of(self._entries, [name]):
            if not (self._weights / part.weights.place).is_dir():
                fetch(part, self._weights)

    def _provenance(self, pipeline: Pipeline, request: ImageRequest, batch: int) -> dict[str, Any]:
        source = pipeline.source
        tokens, limit = pipeline.tokens(request.prompt)
        width, height = pipeline.drawn_size(request)
        return {
            **asked(request),
            "drawn_width": width,
            "drawn_height": height,
            "tokens": tokens,
            "truncated": tokens > limit,
            "weights": [f"{part.repository}@{pinned(self._weights, part)}" for part in source.all_weights],
            **pipeline.classes,
            "dtype": dtype_on(self._device, source, self._dtype),
            "device": self._device.label,
            "batch": batch,
            **versions(),
        }


def seed_of(request: ImageRequest, draw: int) -> int:
    """The seed of a draw, from 1: the requested one, then the first 32 bits of sha256("seed|draw")."""
    if draw == 1:
        return request.seed
    return int.from_bytes(sha256(f"{request.seed}|{draw}".encode()).digest()[:4])


def _blank(pixels: NDArray[np.float32] | None) -> str:
    """Why an image shows nothing; "" when it shows something."""
    if pixels is None or not np.isfinite(pixels).all():
        return "its values overflowed"
    return "black" if float(pixels.max()) <= _BLACK else ""


def _png(pixels: NDArray[np.float32] | None) -> bytes:
    """8-bit RGB without any metadata."""
    from PIL import Image

    if pixels is None or not np.isfinite(pixels).all():
        return b""
    content = io.BytesIO()
    Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8)).save(content, "PNG")
    return content.getvalue()
