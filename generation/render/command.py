"""Draw the images of a plan, with the models of the catalogue.

One PNG per row of the plan, under the name that the row gives, and beside it NAME.json with everything that decided
its pixels. After an interruption, however hard, the same command goes on: finished images are checked and never
written again. Images that cannot be drawn are listed at the end and the exit status is 1; the next run tries them
again. Rows of import-only models are left to `python -m generation import`.

    python -m generation render --plan plan.csv --out images/
    python -m generation render --plan plan.csv --out images/ --device cpu --limit 20
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from generation.catalogue.models import read_generators
from generation.catalogue.sources import DTYPES, Imported
from generation.options import whole_number
from generation.render.options import add_catalogue, positive
from generation.render.renderer import Renderer
from generation.render.requests import check_requests, read_requests
from generation.render.run import BATCH, render_all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `render`."""
    parser.add_argument("--plan", type=Path, required=True, metavar="PLAN.csv", help="from python -m generation plan")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="folder of images to make or go on with"
    )
    add_catalogue(parser)
    parser.add_argument(
        "--device", default="auto", help="auto (default: the best there is), cuda, cuda:1 (the second GPU), mps or cpu"
    )
    parser.add_argument("--dtype", choices=DTYPES, help="default: the catalogue's on CUDA, float32 elsewhere")
    parser.add_argument(
        "--batch-size",
        type=positive,
        default=BATCH,
        metavar="N",
        help=f"images at a time (default {BATCH}); fewer where the catalogue or the memory says so",
    )
    parser.add_argument("--limit", type=whole_number, metavar="N", help="begin no batch after so many new images")


def run(arguments: argparse.Namespace) -> int:
    """Draw; 1 when images are missing that could not be drawn."""
    entries = read_generators(arguments.catalogue)
    planned = read_requests(arguments.plan)
    imported = [
        one for one in planned if one.generator in entries and isinstance(entries[one.generator].source, Imported)
    ]
    others = {one.name for one in imported}
    requests = [one for one in planned if one.name not in others]
    check_requests(requests, entries)

    def renderer() -> Renderer:
        made = Renderer(entries, arguments.weights, arguments.device, arguments.dtype)
        print(f"drawing on {made.device.label}", file=sys.stderr)
        return made

    done = render_all(requests, arguments.out, renderer, batch_size=arguments.batch_size, limit=arguments.limit)
    print(f"{arguments.out}: {done.kept + done.drawn:,} images, {done.kept:,} of them from before")
    if done.left:
        print(f"{done.left:,} images are left by --limit: run again to go on")
    if imported:
        names = ", ".join(sorted({one.generator for one in imported}))
        print(f"{len(imported):,} images of {names} are to be brought with `python -m generation import`")
    for problem in done.problems:
        print(problem, file=sys.stderr)
    if done.problems:
        print(f"{len(done.problems):,} images could not be drawn; the next run tries them again", file=sys.stderr)
    return 1 if done.problems else 0
