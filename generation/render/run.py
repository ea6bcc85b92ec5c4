"""A whole plan drawn into a folder, from wherever an earlier run stopped.

The bytes of an image depend in the last digit on how many are drawn with it (generation.render.pipelines). So batches
are always those of the whole plan: one that was interrupted is drawn again as it was, and only what is missing of it is
stored. A run that was killed and taken up again gives the same bytes as one that was not, on the same machine with the
same batch size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import AbstractContextManager
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
    renderer: Callable[[], AbstractContextManager[Renderer]],
    *,
    batch_size: int = BATCH,
    limit: int | None = None,
) -> Run:
    """Draw what is not there; finished images are read and checked, never written. With `limit` no batch is begun after
    so many new images.

    `renderer` makes the Renderer (or lends one: contextlib.nullcontext); it is not called when all is there. Raises as
    `Renderer.render` and `finished`.
    """
    looked = progress(requests, total=len(requests), unit="images", label="looking")
    missing = {request.name for request in unfinished(looked, folder)}
    run = Run(kept=len(requests) - len(missing), left=len(missing))
    work = [batch for batch in batches(requests, batch_size) if any(request.name in missing for request in batch)]
    if not work or limit == 0:
        return run
    with renderer() as ready:
        bar = progress(
            _drawn(ready, work, folder, missing, limit),
            total=len(requests),
            unit="images",
            label="rendering",
            done=run.kept,
        )
        for image in bar:
            run.left -= 1
            if image.status == "done":
                run.drawn += 1
            else:
                run.problems.append(f"{folder / image.name}: {image.status}: {image.problem}")
    return run


def _drawn(
    renderer: Renderer,
    work: Iterable[tuple[ImageRequest, ...]],
    folder: Path,
    missing: Set[str],
    limit: int | None,
) -> Iterator[Rendered]:
    """The missing images of the batches as they are drawn."""
    drawn = 0
    for batch in work:
        new = [image for image in renderer.render(batch, folder) if image.name in missing]
        yield from new
        drawn += len(new)
        if limit is not None and drawn >= limit:
            return
