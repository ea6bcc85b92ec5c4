"""Bring the images of services that cannot be run here (DALL-E 2 and 3, Midjourney): a folder or zip with a manifest.

The manifest is a CSV with the column file and one of name, index or prompt, which says which image of the plan a file
is, and if there sha256, width and height, which are compared. Everything is checked before anything is stored, and
every fault is named by the line of the manifest. Images are stored as PNG with the same pixels and without metadata,
which often holds the prompt. Interrupted, the same command goes on; what is there already is left as it is.

    python -m generation import --plan plan.csv --images dalle3.zip --manifest dalle3.csv --out images/ --dry-run
    python -m generation import --plan plan.csv --images dalle3.zip --manifest dalle3.csv --out images/
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from generation.catalogue.models import read_generators
from generation.catalogue.sources import Imported
from generation.images import RGB
from generation.importing.bundle import Bundle, Unusable
from generation.importing.manifest import Row, check_file, read_manifest
from generation.problems import InvalidInput
from generation.progress import progress
from generation.render.records import Rendered, asked, finished, store
from generation.render.requests import ImageRequest, read_requests
from generation.tables import Table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `import`."""
    parser.add_argument("--plan", type=Path, required=True, metavar="PLAN.csv", help="from python -m generation plan")
    parser.add_argument("--images", type=Path, required=True, metavar="ZIP|FOLDER", help="the files")
    parser.add_argument("--manifest", type=Path, required=True, metavar="CSV", help="which file is which image")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder of images to add to")
    parser.add_argument(
        "--catalogue", type=Path, action="append", default=[], metavar="MODELS.yaml", help="further models"
    )
    parser.add_argument("--dry-run", action="store_true", help="check only, store nothing")


def run(arguments: argparse.Namespace) -> int:
    """Check everything, then store."""
    entries = read_generators(arguments.catalogue)
    planned = [
        request
        for request in read_requests(arguments.plan)
        if request.generator in entries and isinstance(entries[request.generator].source, Imported)
    ]
    if not planned:
        raise InvalidInput(f"{arguments.plan}: has no image of a model that the catalogue marks as import")
    table, rows = read_manifest(arguments.manifest, arguments.plan, planned)
    with Bundle(arguments.images) as bundle:
        digests = _check(table, rows, bundle)
        kept = [row for row in rows if _is_there(row, digests[row.file], arguments.out)]
        new = [row for row in rows if row not in kept]
        if not arguments.dry_run:
            arguments.out.mkdir(parents=True, exist_ok=True)
            cells = dict(zip((row["file"].strip() for row in table.rows), table.rows, strict=True))
            for row in progress(new, total=len(rows), unit="images", label="storing", done=len(kept)):
                _store(row, *check_file(row, cells[row.file], bundle), arguments.out)
        unused = sorted(set(bundle.images()) - {row.file for row in rows})
    print(f"{len(rows):,} images are as the manifest says; {len(kept):,} were there already")
    print("nothing was stored (--dry-run)" if arguments.dry_run else f"{len(new):,} were stored in {arguments.out}")
    if unused:
        print(f"{len(unused):,} image files are not in the manifest, the first: {unused[0]}")
    missing = _missing(planned, rows, arguments.out)
    for generator, count in missing.items():
        print(f"{count:,} images of {generator} are still to be brought")
    return 0


def _check(table: Table, rows: Sequence[Row], bundle: Bundle) -> dict[str, str]:
    """{file: sha256}; InvalidInput with every file that is not as the manifest says."""
    digests: dict[str, str] = {}
    first: dict[str, str] = {}
    problems = []
    pairs = zip(rows, table.rows, strict=True)
    for row, cells in progress(pairs, total=len(rows), unit="images", label="checking"):
        try:
            _, content = check_file(row, cells, bundle)
        except Unusable as error:
            problems.append(f"{row.place}: {row.file}: {error}")
            continue
        digest = digests[row.file] = sha256(content).hexdigest()
        if digest in first:
            problems.append(f"{row.place}: {row.file}: has the same content as {first[digest]}")
        first.setdefault(digest, row.file)
    if problems:
        raise InvalidInput(*problems, f"nothing was stored: {len(problems)} of {len(rows)} files have faults")
    return digests


def _is_there(row: Row, digest: str, folder: Path) -> bool:
    record = finished(row.request, folder)
    if record is None:
        return False
    if record.provenance.get("source_sha256") != digest:
        raise InvalidInput(
            f"{row.place}: {folder / row.request.name} was imported from another file; delete it to take this one"
        )
    return True


def _store(row: Row, pixels: RGB, content: bytes, folder: Path) -> None:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    png = stream.getvalue()
    request = row.request
    provenance = {
        **asked(request),
        "source_file": row.file,
        "source_sha256": sha256(content).hexdigest(),
        **{f"source_{key}": value for key, value in row.notes.items()},
    }
    record = Rendered(
        name=request.name,
        status="done",
        sha256=sha256(png).hexdigest(),
        bytes=len(png),
        seconds=0.0,
        attempts=1,
        seed_used=request.seed,
        provenance=provenance,
    )
    store(record, png, folder)


def _missing(planned: Sequence[ImageRequest], rows: Sequence[Row], folder: Path) -> dict[str, int]:
    """Images by generator that are neither in the manifest nor in the folder."""
    named = {row.request.name for row in rows}
    missing: dict[str, int] = {}
    for request in planned:
        if request.name not in named and not (folder / request.name).exists():
            missing[request.generator] = missing.get(request.generator, 0) + 1
    return missing
