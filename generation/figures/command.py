"""Draw figures 6 and 7 of the paper: opinion scores by generation parameters and by length of the prompt.

--table is a plan, or any table of images with `name` and, where there, `model` (else the name up to its last `_`),
`iteration_default`, `cfg_default`, `resolution_default` (figure 6) and `prompt` (figure 7). --mos is what
`python -m scoring mos` writes, or a table with `name` and `mos`; without it the column `mos` of --table is taken.

Figure 6 compares, for each model, images at the default of a parameter with the others. --adjusted draws the comparison
with the effects of the other parameters taken out; the JSON has both. Figure 7 is of images with all defaults, unless
--all-configurations.

    python -m generation figures --table plan.csv --mos mos.csv --figure6 fig6.svg fig6.json --figure7 fig7.pdf
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from generation.figures.drawing import SPREADS, figure6_file, figure7_file
from generation.figures.lengths import LENGTHS
from generation.figures.tables import figures, images_in, opinions_in
from generation.plotting import figure_path, write
from generation.problems import InvalidInput
from generation.tables import read_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--table", type=Path, required=True, metavar="CSV", help="images: a plan, or like one")
    parser.add_argument("--mos", type=Path, metavar="CSV", help="opinion scores by name")
    for number, what in ((6, "by generation parameters"), (7, "by length of the prompt")):
        parser.add_argument(
            f"--figure{number}", type=figure_path, nargs="+", default=[], metavar="FILE", help=f"scores {what}"
        )
    parser.add_argument("--adjusted", action="store_true", help="figure 6 without the effects of other parameters")
    parser.add_argument("--spread", choices=SPREADS, default="std", help="bars of figure 6 (default std)")
    parser.add_argument(
        "--length", choices=LENGTHS, default=LENGTHS[0], help=f"groups of figure 7 (default {LENGTHS[0]})"
    )
    parser.add_argument(
        "--all-configurations", action="store_true", help="figure 7 of all images, not of those with all defaults"
    )
    parser.add_argument(
        "--least", type=_positive, default=1, metavar="N", help="groups of fewer images show only how many (default 1)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Compute both, write what was asked for."""
    if not arguments.figure6 and not arguments.figure7:
        raise InvalidInput("nothing to do: name a file after --figure6 or --figure7")
    table = read_table(arguments.table, [])
    mos = opinions_in(table if arguments.mos is None else read_table(arguments.mos, []))
    found = figures(
        images_in(table),
        mos,
        length=arguments.length,
        all_configurations=arguments.all_configurations,
        least=arguments.least,
    )
    six = _needed(found["6"], arguments.figure6, f"{arguments.table}: figure 6 needs the three *_default columns")
    seven = _needed(
        found["7"],
        arguments.figure7,
        f"{arguments.table}: figure 7 needs the columns prompt and the three *_default; without the latter say "
        "--all-configurations",
    )
    for path in arguments.figure6:
        write(six, path, lambda kind: figure6_file(six, kind, adjusted=arguments.adjusted, spread=arguments.spread))
        print(f"{path}: figure 6 of {six['n']:,} images")
    for path in arguments.figure7:
        write(seven, path, lambda kind: figure7_file(seven, kind))
        print(f"{path}: figure 7 of {seven['n']:,} images ({seven['rows']}), by {seven['unit']}")
    return 0


def _needed(numbers: dict[str, Any] | None, files: list[Path], otherwise: str) -> dict[str, Any]:
    if numbers is None and files:
        raise InvalidInput(otherwise)
    return numbers or {}


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)
