"""Options that the commands on weights and rendering share."""

from __future__ import annotations

import argparse
from pathlib import Path

WEIGHTS = Path("var/weights")


def add_catalogue(parser: argparse.ArgumentParser) -> None:
    """--catalogue and --weights."""
    parser.add_argument(
        "--catalogue",
        type=Path,
        action="append",
        default=[],
        metavar="MODELS.yaml",
        help="further models, in the form of generation/catalogue/paper.yaml; an entry of the same name as one of the "
        "paper's replaces it; may be repeated",
    )
    parser.add_argument(
        "--weights", type=Path, default=WEIGHTS, metavar="FOLDER", help=f"folder of all weights (default {WEIGHTS})"
    )


def positive(text: str) -> int:
    """A whole number from 1, for `type=` of argparse."""
    if not (text.isascii() and text.isdecimal()) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)
