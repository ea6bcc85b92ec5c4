"""A metric over a whole set of images, in chunks that are kept: stopped at any moment, it goes on where it was.

    OUT/run.json            what is run: metric, images, prompts, chunk size, weights; another run is refused
    OUT/chunks/00000.json   the rows of one chunk, written whole or not at all
    OUT/predictions.csv     name,score in the order of the images, higher is better: as any submission
    OUT/results.parquet     name, status, raw, score, problem, seconds (where pyarrow is installed)

Prediction files must hold every image, so one that could not be scored needs a value: `undefined` says which.
"median" of the scored ones (the default: it neither helps nor harms any ranking of the others), "worst", or "leave" it
out, with which a challenge refuses the file. What was filled in is counted in the summary and marked in the Parquet.
"""

from __future__ import annotations

import hashlib
import io
import json
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scoring.baselines.files import write_whole
from scoring.baselines.images import ImageFile
from scoring.baselines.registry import MetricInfo
from scoring.baselines.run import Scored, chunks, run_chunk
from scoring.baselines.weights import DEFAULT_FOLDER, require

UNDEFINED = ("median", "worst", "leave")


class AnotherRun(ValueError):
    """The folder holds the results of another run; the message says what differs."""


@dataclass(frozen=True)
class Summary:
    """What came out: images by status, how many rows of the prediction file were filled in, seconds in the metric."""

    metric: str
    images: int
    statuses: dict[str, int]
    filled: int
    seconds: float
    problems: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """True when no file was unreadable and the metric broke on none."""
        return not (self.statuses.get("unreadable") or self.statuses.get("failed"))

    def to_dict(self) -> dict[str, object]:
        """JSON-safe form."""
        return {**asdict(self), "complete": self.complete}


def run_metric(
    info: MetricInfo,
    images: Sequence[ImageFile],
    out: Path,
    prompts: Mapping[str, str] | None = None,
    *,
    device: str = "auto",
    weights: Path = DEFAULT_FOLDER,
    chunk_size: int = 256,
    undefined: str = "median",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Summary:
    """Run a metric over images into a folder, or go on with it; `progress(done, total)` is called after each chunk.

    Raises AnotherRun, and what `run_chunk` raises.
    """
    (out / "chunks").mkdir(parents=True, exist_ok=True)
    used = dict(prompts or {}) if info.needs_prompt else {}
    claim(out, _description(info, images, used, chunk_size, require(info, weights)))
    done = 0
    rows: dict[str, Scored] = {}
    for number, chunk in enumerate(chunks(images, chunk_size)):
        path = out / "chunks" / f"{number:05d}.json"
        if not path.exists():
            scored = run_chunk(info, chunk, used, device, weights=weights)
            write_whole(path, json.dumps([row.to_dict() for row in scored], allow_nan=False).encode())
        rows.update((row["name"], Scored(**row)) for row in json.loads(path.read_bytes()))
        done += len(chunk)
        progress(done, len(images))
    ordered = [rows[image.name] for image in images]
    filled = write_results(out, ordered, undefined)
    return summarise(info.name, ordered, filled)


def write_results(out: Path, rows: Sequence[Scored], undefined: str = "median") -> int:
    """Write predictions.csv and, with pyarrow, results.parquet; returns how many rows were filled in."""
    write_whole(out / "predictions.csv", predictions(rows, undefined))
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        pass  # the chunks hold the same; the web set of packages has no pyarrow
    else:
        kinds = {"name": pa.string(), "status": pa.string(), "raw": pa.float64(), "score": pa.float64()}
        kinds |= {"problem": pa.string(), "seconds": pa.float64()}
        stream = io.BytesIO()
        pq.write_table(pa.Table.from_pylist([row.to_dict() for row in rows], schema=pa.schema(kinds)), stream)
        write_whole(out / "results.parquet", stream.getvalue())
    return 0 if undefined == "leave" else sum(row.score is None for row in rows)


def predictions(rows: Sequence[Scored], undefined: str = "median") -> bytes:
    """A prediction file. Raises ValueError when no image was scored, so that there is nothing to fill in with."""
    if undefined not in UNDEFINED:
        raise ValueError(f"undefined is one of {', '.join(UNDEFINED)}, not {undefined!r}")
    scores = [row.score for row in rows if row.score is not None]
    if not scores:
        raise ValueError(f"no image was scored; the first: {rows[0].problem}" if rows else "there are no images")
    filling = {"median": statistics.median(scores), "worst": min(scores), "leave": None}[undefined]
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "score"])
    for row in rows:
        score = filling if row.score is None else row.score
        if score is not None:
            writer.writerow([row.name, repr(score)])
    return text.getvalue().encode()


def summarise(metric: str, rows: Sequence[Scored], filled: int) -> Summary:
    """Counts, and the first few problems with the names of their images."""
    counts = Counter(row.status for row in rows)
    problems = tuple(f"{row.name}: {row.status}: {row.problem}" for row in rows if row.status != "scored")
    return Summary(metric, len(rows), dict(counts), filled, sum(row.seconds for row in rows), problems[:20])


def _description(
    info: MetricInfo, images: Sequence[ImageFile], prompts: Mapping[str, str], chunk_size: int, weights: dict[str, str]
) -> dict[str, object]:
    listed = [[image.name, image.path.stat().st_size if image.path.exists() else None] for image in images]
    texts = [[image.name, prompts.get(image.name)] for image in images] if prompts else []
    return {
        "metric": info.name,
        "options": dict(info.options),
        "images": len(images),
        "images_sha256": _digest(listed),
        "prompts_sha256": _digest(texts),
        "chunk_size": chunk_size,
        "weights": weights,
    }


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def claim(out: Path, description: Mapping[str, object]) -> None:
    """Write run.json, or check that it says the same. Raises AnotherRun."""
    path = out / "run.json"
    if path.exists():
        before = json.loads(path.read_bytes())
        differs = [name for name, value in description.items() if before.get(name) != value]
        if differs:
            raise AnotherRun(f"{out} holds another run ({', '.join(differs)} differ): choose another folder")
    else:
        write_whole(path, json.dumps(description, indent=2).encode() + b"\n")
