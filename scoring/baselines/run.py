"""Scores of one metric for a chunk of images: read ahead, grouped by size, batched, one status per image.

    for chunk in chunks(images, 256):
        rows = run_chunk("musiq", chunk, prompts, device="cuda")

Contract: `run_chunk` gives one row per image, in order, whatever an image holds; it raises only when the metric
cannot run at all (MetricUnavailable) or a prompt is missing (InvalidImages). Its results depend on its arguments alone,
so a chunk can be run again at any time. The metric stays in memory for the next chunk and leaves it when another one is
asked for: with one metric over all images before the next, each is loaded once.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from scoring.baselines.images import ImageFile, Unreadable, decode, prompts_for, size_of
from scoring.baselines.metric import RGB, Metric, Undefined
from scoring.baselines.registry import MetricInfo, find_metric, resolved
from scoring.baselines.weights import DEFAULT_FOLDER, require

STATUSES = ("scored", "undefined", "unreadable", "failed")
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Scored:
    """One image. raw: the metric's own value; score: the same with higher better; both None unless status is "scored".

    undefined: the metric has no value for it (too small, black, ...). unreadable: the file cannot be decoded. failed:
    the metric broke on it, or memory did not suffice. seconds: its share of the time in the metric, decoding excluded.
    """

    name: str
    status: str
    raw: float | None
    score: float | None
    problem: str
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form."""
        return asdict(self)


def chunks(images: Sequence[ImageFile], size: int = 256) -> list[list[ImageFile]]:
    """Images in chunks of at most `size`, those of one size together; the same images always give the same chunks."""
    if size < 1:
        raise ValueError(f"a chunk holds at least one image, not {size}")
    with ThreadPoolExecutor(_threads()) as pool:
        sizes = list(pool.map(size_of, images))
    order = sorted(range(len(images)), key=lambda i: (sizes[i], i))
    return [[images[i] for i in order[start : start + size]] for start in range(0, len(order), size)]


def run_chunk(
    metric: str | MetricInfo,
    images: Sequence[ImageFile],
    prompts: Mapping[str, str] | None = None,
    device: str = "auto",
    *,
    weights: Path = DEFAULT_FOLDER,
) -> list[Scored]:
    """Score images with a metric, by name or as described by the registry.

    prompts: {name: prompt}, for metrics that need one. device: "cpu", "cuda", "cuda:1", ..., or "auto": a GPU if there
    is one. weights: the folder with weight files.
    """
    info = find_metric(metric) if isinstance(metric, str) else metric
    texts = prompts_for(list(images), prompts or {}) if info.needs_prompt else [""] * len(images)
    info, loaded = _RESIDENT.get(info, weights, device)
    rows: list[Scored | None] = [None] * len(images)
    waiting: dict[tuple[int, ...], list[tuple[int, _Prepared]]] = {}

    def score(group: list[tuple[int, _Prepared]]) -> None:
        while group:  # what was gathered may be more than what has turned out to fit
            size = loaded.batch_size
            batch, group = group[:size], group[size:]
            start = time.perf_counter()
            values = _score(loaded, [one.prepared for _, one in batch])
            seconds = (time.perf_counter() - start) / len(batch)
            for (place, one), value in zip(batch, values, strict=True):
                rows[place] = _row(info, images[place].name, value, one.seconds + seconds)

    def prepare(place: int) -> _Prepared:
        return _prepare(info, loaded, images[place].path, texts[place])

    depth = 2 * loaded.batch_size * loaded.parallel + _threads()
    with _Scorers(score, loaded.parallel) as scorers:
        for place, outcome in enumerate(ahead(prepare, range(len(images)), depth)):
            if isinstance(outcome, Exception):
                rows[place] = _row(info, images[place].name, outcome, 0.0)
                continue
            shape = () if loaded.one_size else outcome.shape
            waiting.setdefault(shape, []).append((place, outcome))
            if len(waiting[shape]) >= loaded.batch_size:
                scorers.take(waiting.pop(shape))
        for group in waiting.values():
            scorers.take(group)
    return [row for row in rows if row is not None]


class _Scorers:
    """Threads that score groups; `take` waits while each has one in hand and one to come, so that memory is bounded."""

    def __init__(self, score: Callable[[Any], None], threads: int) -> None:
        self._score = score
        self._limit = 2 * threads
        self._pool = ThreadPoolExecutor(threads)
        self._pending: deque[Future[None]] = deque()

    def __enter__(self) -> _Scorers:
        return self

    def take(self, group: Any) -> None:
        """Have a group scored; raises what an earlier one raised."""
        while len(self._pending) >= self._limit:
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(self._score, group))

    def __exit__(self, *_: object) -> None:
        with self._pool:
            while self._pending:
                self._pending.popleft().result()


class _Resident:
    """The one metric in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[MetricInfo, Path, str] | None = None
        self._value: tuple[MetricInfo, Metric] | None = None

    def get(self, info: MetricInfo, weights: Path, device: str) -> tuple[MetricInfo, Metric]:
        """The metric, loaded after its weights were checked, unless it is the one already here."""
        with self._lock:
            if self._value is None or self._key != (info, weights, device):
                self._key = self._value = None  # before the next is loaded: two may not fit
                require(info, weights)
                self._value = resolved(info), info.load(weights, device)
                self._key = (info, weights, device)
            return self._value

    def release(self) -> None:
        """Hold none."""
        with self._lock:
            self._key = self._value = None


_RESIDENT = _Resident()


def release_metric() -> None:
    """Let go of the metric in memory, for whoever needs the room; the next chunk loads its metric again."""
    _RESIDENT.release()
    _free_memory()


@dataclass(frozen=True)
class _Prepared:
    shape: tuple[int, ...]
    prepared: Any
    seconds: float


def _prepare(info: MetricInfo, metric: Metric, path: Path, prompt: str) -> _Prepared:
    image: RGB = decode(path)
    height, width = image.shape[:2]
    if min(height, width) < info.min_side:
        raise Undefined(f"{width} x {height} pixels: {info.title} needs {info.min_side} on the shorter side")
    start = time.perf_counter()
    prepared = metric.prepare(image, prompt)
    return _Prepared(image.shape, prepared, time.perf_counter() - start)


def _row(info: MetricInfo, name: str, outcome: float | Exception, seconds: float) -> Scored:
    if isinstance(outcome, Exception):
        kinds: dict[type[Exception], str] = {Undefined: "undefined", Unreadable: "unreadable"}
        status = kinds.get(type(outcome), "failed")
        problem = str(outcome) if status != "failed" else f"{type(outcome).__name__}: {outcome}"
        return Scored(name, status, None, None, problem[:500], seconds)
    if not math.isfinite(outcome):
        return Scored(name, "undefined", None, None, f"{info.title} gave {outcome}", seconds)
    return Scored(name, "scored", outcome, info.oriented(outcome), "", seconds)


def _score(metric: Metric, prepared: list[Any]) -> list[float | Exception]:
    """Values of a batch. A batch that breaks is halved until the image is found that breaks it.

    When memory was short, later batches of this metric are no larger than what fitted.
    """
    try:
        return list(metric.score(prepared))
    except Exception as error:  # noqa: BLE001 (whatever one image does to a network, the others are still to be scored)
        short = _is_out_of_memory(error)
        if len(prepared) == 1:
            return [MemoryError("not enough memory for this image alone") if short else error.with_traceback(None)]
    if short:
        _free_memory()
        metric.batch_size = max(1, min(metric.batch_size, len(prepared) // 2))
    half = len(prepared) // 2
    return _score(metric, prepared[:half]) + _score(metric, prepared[half:])


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower()


def _free_memory() -> None:
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def ahead(function: Callable[[T], R], items: Sequence[T], depth: int) -> Generator[R | Exception, None, None]:
    """function(item) for each, in order, computed by threads at most `depth` items ahead; what it raises is given."""
    pool = ThreadPoolExecutor(_threads())
    futures: deque[Future[R]] = deque()
    pending = iter(items)
    try:
        while True:
            while len(futures) < depth and (item := next(pending, _END)) is not _END:
                futures.append(pool.submit(function, item))
            if not futures:
                return
            future = futures.popleft()
            error = future.exception()
            if error is not None and not isinstance(error, Exception):
                raise error
            yield future.result() if error is None else error
    finally:
        # Not waited for: an abandoned generator is finished wherever it is collected, even in one of these threads.
        pool.shutdown(wait=False, cancel_futures=True)


_END: Any = object()


def _threads() -> int:
    return min(8, os.cpu_count() or 1)
