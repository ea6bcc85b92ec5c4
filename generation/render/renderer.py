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
from collections.abc import Container, Sequence
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
from generation.render.records import Rendered, asked, finished, store
from generation.render.requests import ImageRequest, batches, check_requests
from generation.render.weights import fetch, parts_of, pinned

DRAWS = 3  # of an image that comes out black
_BLACK = 3 / 255  # no sample above this: black to any eye


@dataclass(frozen=True)
class _Drawn:
    """Pixels (height, width, 3) from 0 to 1, or None and the problem; `seconds` is the share of one image."""

    pixels: NDArray[np.float32] | None
    seconds: float
    batch: int
    problem: str = ""

    @property
    def blank(self) -> str:
        """Why pixels show nothing; "" when they show something, or there are none."""
        if self.pixels is None:
            return ""
        if not np.isfinite(self.pixels).all():
            return "its values overflowed"
        return "black" if float(self.pixels.max()) <= _BLACK else ""


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

        All are drawn, those too that are finished: the last digit of an image depends on its batch, so a batch that was
        interrupted gives the same bytes only when it is drawn as it was. But a finished image stays as it is, and its
        record is the result. A batch of which all is finished is for the caller to leave out
        (generation.render.finished). Requests with different keys are drawn one kind after the other.
        Raises InvalidInput, before anything is drawn, for requests that cannot be drawn, weights that are not there and
        files that are something else; OSError when a file cannot be written.
        """
        check_requests(batch, self._entries)
        folder.mkdir(parents=True, exist_ok=True)
        there = {request.name: record for request in batch if (record := finished(request, folder)) is not None}
        drawn: dict[str, Rendered] = {}
        for part in batches(batch, max(1, len(batch))):
            drawn |= {image.name: image for image in self._render_alike(part, folder, there)}
        return [there.get(request.name) or drawn[request.name] for request in batch]

    def _render_alike(self, requests: Sequence[ImageRequest], folder: Path, there: Container[str]) -> list[Rendered]:
        """Draw requests of one key; store those that are not `there`."""
        pipeline = self._pipeline(requests[0].generator)
        waiting = list(requests)
        results: list[Rendered] = []
        spent = dict.fromkeys((request.name for request in requests), 0.0)
        for draw in range(1, DRAWS + 1):
            seeds = [seed_of(request, draw) for request in waiting]
            drawn = self._draw(pipeline, waiting, seeds)
            again: list[ImageRequest] = []
            for request, seed, one, png in zip(waiting, seeds, drawn, _pngs(drawn), strict=True):
                spent[request.name] += one.seconds
                if one.blank and draw < DRAWS:
                    again.append(request)
                    continue
                result = Rendered(
                    name=request.name,
                    status="failed" if one.problem else "black" if one.blank else "done",
                    sha256=sha256(png).hexdigest() if png else None,
                    bytes=len(png) or None,
                    seconds=round(spent[request.name], 3),
                    attempts=draw,
                    seed_used=seed,
                    provenance=self._provenance(pipeline, request, one.batch),
                    problem=one.problem or one.blank,
                )
                if png and request.name not in there:
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


def png_of(pixels: NDArray[np.float32]) -> bytes:
    """8-bit RGB of finite values from 0 to 1, without any metadata."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8)).save(content, "PNG")
    return content.getvalue()


def _pngs(drawn: Sequence[_Drawn]) -> list[bytes]:
    """The PNG of each image that shows something, b"" for the others; compressed beside each other."""
    with ThreadPoolExecutor(min(8, cores())) as pool:  # zlib works outside Python's lock
        return list(pool.map(lambda one: b"" if one.pixels is None or one.blank else png_of(one.pixels), drawn))
