"""The main score of this phase on your own computer, for images whose MOS you have, such as a part of the training set.

    python score_local.py PREDICTIONS.csv KEY.csv

PREDICTIONS.csv has lines name,score; KEY.csv has lines name,mos for the same images and may have further columns for
subsets. More options: see `python -m scoring evaluate --help`. It is the program that scores submissions; the formula
of the phase is in phase.json.
"""

import json
import sys
from pathlib import Path

from scoring.cli import main


def score(arguments: list[str]) -> int:
    """Run `scoring evaluate` with the formula of the phase; returns the exit status."""
    if len(arguments) < 2 or arguments[0].startswith("-") or arguments[1].startswith("-"):
        sys.stderr.write(__doc__)
        return 2
    phase = json.loads((Path(__file__).parent / "phase.json").read_text(encoding="utf-8"))
    predictions, key, *options = arguments
    # "=", since a formula may begin with a minus sign.
    formula = [] if any(option.startswith("--preset") for option in options) else [f"--formula={phase['formula']}"]
    return main(["evaluate", "--predictions", predictions, "--key", key, *formula, *options])


if __name__ == "__main__":
    raise SystemExit(score(sys.argv[1:]))
