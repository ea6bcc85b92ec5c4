"""A whole plan drawn into a folder, from wherever an earlier run stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from generation.progress import progress
from generation.render.records import Rendered, finished
from generation.render.renderer import Renderer
from generation.render.requests import ImageRequest, batches

BATCH = 16  # images a call is asked for; the catalogue and the memory of the device may allow fewer


@dataclass
class Run:
    """Images of the plan by what became of them; `problems` has a line for each that there is none of."""

    kept: int = 0
    drawn: int = 0
    left: int = 0
    problems: list[str] = field(default_factory=list)


def unfinished(requests: Iterable[ImageRequest], folder: Path) -> list[ImageRequest]:
    """The requests whose image is not in the folder yet. Raises as `generation.render.finished`."""
    return [request for request in requests if finished(request, folder) is None]


def render_all(
    requests: Sequence[ImageRequest],
    folder: Path,
    renderer: Callable[[], Renderer],
    *,
    batch_size: int = BATCH,
    limit: int | None = None,
) -> Run:
    """Draw what is not there, at most `limit` images; finished images are read and checked, never written.

    `renderer` makes the Renderer, which is not needed when all is there. Raises as `Renderer.render` and `finished`.
    """
    looked = progress(requests, total=len(requests), unit="images", label="looking")
    waiting = unfinished(looked, folder)
    chosen = waiting[:limit]
    run = Run(kept=len(requests) - len(waiting), left=len(waiting) - len(chosen))
    if not chosen:
        return run
    with renderer() as ready:
        bar = progress(
            _drawn(ready, batches(chosen, batch_size), folder),
            total=len(requests),
            unit="images",
            label="rendering",
            done=run.kept,
        )
        for image in bar:
            if image.status == "done":
                run.drawn += 1
            else:
                run.problems.append(f"{folder / image.name}: {image.status}: {image.problem}")
    return run


def _drawn(renderer: Renderer, work: Iterable[tuple[ImageRequest, ...]], folder: Path) -> Iterator[Rendered]:
    for batch in work:
        yield from renderer.render(batch, folder)
