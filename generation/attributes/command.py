"""Measure light, contrast, colour, blur and spatial information (SI) of images; draw figure 3 of the paper.

One row per image: the five attributes of the image as it is and at a longest edge of 512 pixels, in which images of
different sizes can be compared, with the size and the sha256 of the file. Transparent parts are laid on white, EXIF
orientation is obeyed, 16-bit samples keep their high byte.

The output file grows by a row per image. After an interruption the same command goes on where it stopped; images whose
file has changed are measured again. Images that cannot be read are listed at the end and the exit status is 1, unless
--skip-unreadable says that this is as expected.

    python -m generation attributes --images renders/ --out attributes.csv
    python -m generation attributes --images renders/ --out attributes.csv --plan plan.csv --figure fig3.svg fig3.json
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from generation.parallel import cores
from generation.plotting import figure_path
from generation.problems import InvalidInput


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--images", type=Path, required=True, metavar="FOLDER|LIST.csv")
    parser.add_argument("--out", type=Path, required=True, metavar="CSV", help="table to write or to go on with")
    parser.add_argument("--workers", type=_positive, default=cores(), help="processes (default: one per core)")
    parser.add_argument(
        "--figure", type=figure_path, nargs="+", default=[], metavar="FILE", help="figure 3 as .svg, .pdf or .json"
    )
    parser.add_argument(
        "--plan", type=Path, metavar="CSV", help="name and iteration_default, cfg_default, resolution_default per image"
    )
    parser.add_argument("--native", action="store_true", help="figure of the images as they are, not at 512 pixels")
    parser.add_argument("--skip-unreadable", action="store_true", help="exit status 0 although images are missing")


def run(arguments: argparse.Namespace) -> int:
    """Measure, then draw; 1 when images could not be read."""
    if arguments.figure and arguments.plan is None:
        raise InvalidInput("--figure needs --plan: the panels are the plan's adjusted images")
    from generation.attributes.collect import collect, read_attributes
    from generation.attributes.figure import draw, figure3, read_flags
    from generation.images import list_images

    flags = read_flags(arguments.plan) if arguments.plan else {}
    images = list_images(arguments.images)
    done = collect(images, arguments.out, workers=arguments.workers)
    print(f"{arguments.out}: {done.rows:,} images, {done.kept:,} of them from before")
    if done.dropped:
        print(f"{done.dropped:,} rows of images that are no longer there were dropped")
    if arguments.figure:
        numbers = figure3(read_attributes(arguments.out), flags, native=arguments.native)
        for path in arguments.figure:
            draw(numbers, path)
            print(f"{path}: figure 3 of {numbers['n']:,} images")
    for problem in done.unreadable:
        print(problem, file=sys.stderr)
    if done.unreadable:
        print(f"{len(done.unreadable):,} of {len(images):,} images could not be read", file=sys.stderr)
    return 1 if done.unreadable and not arguments.skip_unreadable else 0


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)
