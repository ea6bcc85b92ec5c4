"""What became of each image: a JSON file beside the PNG, `x.png.json`, that is written before the PNG gets its name.

So a PNG that is there has its record, whenever the program was killed, and a run that is taken up again knows what is
finished without drawing it twice. The PNG itself holds pixels only: subjects must not learn prompt or model from it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from generation.files import whole_file
from generation.problems import InvalidInput
from generation.render.requests import ImageRequest


@dataclass(frozen=True)
class Rendered:
    """An image that was drawn ("done"), came out black each time ("black") or could not be drawn ("failed").

    `sha256` and `bytes` are of the file, None where there is none. `seconds` is the image's share of the time of its
    batches. `attempts` counts draws; `seed_used` is the seed of the last one, which is not the requested one after a
    black image. `provenance` has all that decides the pixels: request, weights, classes, versions, device, batch.
    """

    name: str
    status: Literal["done", "black", "failed"]
    sha256: str | None
    bytes: int | None
    seconds: float
    attempts: int
    seed_used: int
    provenance: dict[str, Any] = field(repr=False)
    problem: str = ""


def asked(request: ImageRequest) -> dict[str, Any]:
    """What the provenance of an image says of its request, and a record must have in common with it."""
    return {key: value for key, value in asdict(request).items() if key != "name"}


def record_path(folder: Path, name: str) -> Path:
    """Where the record of an image is."""
    return folder / f"{name}.json"


def store(image: Rendered, png: bytes, folder: Path) -> None:
    """Write record and image: each complete or not there, the image last."""
    with whole_file(record_path(folder, image.name)) as stream:
        json.dump(asdict(image), stream, indent=1, ensure_ascii=False)
        stream.write("\n")
    with whole_file(folder / image.name, "wb") as stream:
        stream.write(png)


def finished(request: ImageRequest, folder: Path) -> Rendered | None:
    """The record of an image that an earlier run finished; None when it is not there.

    Reads the file and compares its sha256. Raises InvalidInput when a file of that name is another image: drawn from
    another request, changed since, or without a record.
    """
    path = folder / request.name
    if not path.exists():
        return None
    try:
        record = Rendered(**json.loads(record_path(folder, request.name).read_text("utf-8")))
    except FileNotFoundError:
        raise InvalidInput(f"{path}: is not of this program (there is no {path.name}.json): move it away") from None
    except (ValueError, TypeError):
        raise InvalidInput(f"{path}.json: cannot be read; delete it and the image to have it drawn again") from None
    for key, value in asked(request).items():
        if record.provenance.get(key) != value:
            raise InvalidInput(
                f"{path}: was made for another request ({key} {record.provenance.get(key)!r}, now {value!r}): "
                "give the new plan another folder"
            )
    if sha256(path.read_bytes()).hexdigest() != record.sha256:
        raise InvalidInput(f"{path}: has changed since it was made; delete it to have it drawn again")
    return record
