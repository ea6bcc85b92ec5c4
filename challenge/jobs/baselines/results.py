"""What a job of baselines keeps in its folder: which images are in which chunk, and the rows of each metric's chunks.

images.json                     the chunks: name, path and prompt of each image
METRIC/chunks/00000.json        rows of one chunk, as `scoring.baselines.job` writes them
METRIC/predictions.csv          what was submitted, and results.parquet beside it
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from scoring.baselines.files import write_whole
from scoring.baselines.images import ImageFile
from scoring.baselines.run import Scored, chunks

LISTING = "images.json"
CHUNK = 64  # images: what a killed worker loses at most
BROKEN = ("unreadable", "failed")


@dataclasses.dataclass(frozen=True)
class Listing:
    """The images of a job in chunks, and their prompts."""

    chunks: Sequence[Sequence[ImageFile]]
    prompts: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """All names, sorted as those of answer keys are."""
        return sorted(image.name for chunk in self.chunks for image in chunk)


def write_listing(folder: Path, images: Sequence[ImageFile], prompts: Mapping[str, str]) -> Listing:
    """Divide the images into chunks, those of one size together, and keep that."""
    divided = chunks(images, CHUNK)
    rows = [
        [{"name": one.name, "path": str(one.path), "prompt": prompts.get(one.name, "")} for one in chunk]
        for chunk in divided
    ]
    write_whole(folder / LISTING, json.dumps(rows).encode())
    return Listing(divided, prompts)


def read_listing(folder: Path) -> Listing:
    """What `write_listing` kept."""
    rows = json.loads((folder / LISTING).read_bytes())
    divided = [[ImageFile(row["name"], Path(row["path"])) for row in chunk] for chunk in rows]
    return Listing(divided, {row["name"]: row["prompt"] for chunk in rows for row in chunk if row["prompt"]})


def write_rows(folder: Path, metric: str, number: int, rows: Sequence[Scored]) -> None:
    """Keep the rows of one chunk."""
    path = _path(folder, metric, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps([row.to_dict() for row in rows], allow_nan=False).encode())


def read_rows(folder: Path, metric: str, listing: Listing) -> list[Scored] | None:
    """The rows of a metric by name; None while a chunk is missing."""
    paths = [_path(folder, metric, number) for number in range(len(listing.chunks))]
    if not all(path.exists() for path in paths):
        return None
    rows = {row["name"]: Scored(**row) for path in paths for row in json.loads(path.read_bytes())}
    return [rows[name] for name in listing.names]


def _path(folder: Path, metric: str, number: int) -> Path:
    return folder / metric / "chunks" / f"{number:05d}.json"
