"""Build a small database on this machine, from prompts to the release folder, without a GPU and without a network.

The images are drawn by a tiny Stable Diffusion of 5 MB that ships with this program and knows coloured shapes only; 120
of them take about a minute of one core. Nobody has rated them, so the release has no MOS. Each step is the command
that builds a real database. Interrupted, the same command goes on.

    python -m generation demo --images 120 --out demo/
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from generation.demo.steps import STEPS, Demo, StepFailed
from generation.demo.vocabulary import all_prompts
from generation.options import whole_number
from generation.problems import InvalidInput
from generation.render.options import positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `demo`."""
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to make or to go on with")
    parser.add_argument("--images", type=positive, default=120, metavar="N", help="size of the database (default 120)")
    parser.add_argument("--seed", type=whole_number, default=0, metavar="N", help="of everything drawn (default 0)")
    parser.add_argument("--device", default="auto", help="auto (default), cuda, mps or cpu")


def run(arguments: argparse.Namespace) -> int:
    """All steps, in order; 1 when one ends with problems."""
    most = len(all_prompts())
    if arguments.images > most:
        raise InvalidInput(f"--images {arguments.images}: the toy model knows {most} prompts, one for each image")
    demo = Demo(arguments.out, arguments.images, arguments.seed, arguments.device)
    for number, (name, step) in enumerate(STEPS.items(), start=1):
        print(f"--- step {number} of {len(STEPS)}: {name}", flush=True)
        try:
            step(demo)
        except StepFailed as error:
            print(error, file=sys.stderr)
            return 1
    print(f"--- done: {demo.folder / 'release'} is the database; it has no MOS, since nobody has rated its images")
    return 0
