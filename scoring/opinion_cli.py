"""The commands `mos` and `ceiling` of `python -m scoring`: from a table of ratings to MOS, and what they are worth.

Contract: as in scoring.cli. A table that is refused gives status 1 and every fault with its line.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoring.cli import count, print_json, print_report

if TYPE_CHECKING:
    from argparse import _SubParsersAction

# As in the modules they come from, which are not imported before they are needed.
RULES = ("srocc", "srocc_loo", "bt500", "sureal_pcc", "sureal_srcc", "none")
TRANSFORMS = ("shift_log", "literal", "identity", "reflected_log")
SESSION_MEANS = ("subject_session", "session", "literal_cumulative")
DUPLICATES = ("reject", "average")


def add_commands(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands to the parser of scoring.cli."""
    mos = commands.add_parser("mos", help="mean opinion scores from a table of ratings")
    _add_common(mos, TRANSFORMS)
    mos.add_argument("--out", type=Path, required=True, help="CSV to write: image,mos,std,n,ci95")
    mos.add_argument("--mask", action="store_true", help="literal: leave images without MOS where it is undefined")
    mos.set_defaults(run=_mos)
    ceiling = commands.add_parser("ceiling", help="how well any metric could do against these ratings")
    _add_common(ceiling, tuple(name for name in TRANSFORMS if name != "literal"))
    ceiling.add_argument("--splits", type=_at_least(1), default=40, help="random splits of the subjects")
    ceiling.add_argument("--resamples", type=_at_least(2), default=200, help="resamples for the intervals")
    ceiling.add_argument("--seed", type=count, default=0, help="seed of splits and resamples")
    ceiling.set_defaults(run=_ceiling)


def _add_common(parser: argparse.ArgumentParser, transforms: tuple[str, ...]) -> None:
    parser.add_argument("--ratings", type=Path, required=True, help="CSV subject,image,session,rating")
    parser.add_argument("--screening", choices=RULES, default=RULES[0], help="which subjects to leave out")
    parser.add_argument("--threshold", type=float, default=0.6, help="lowest SRoCC that is kept")
    parser.add_argument("--transform", choices=transforms, default=transforms[0], help="T of eq. 3")
    parser.add_argument("--session-mean", choices=SESSION_MEANS, default=SESSION_MEANS[0], help="reading of eq. 1")
    parser.add_argument("--duplicates", choices=DUPLICATES, default=DUPLICATES[0], help="repeated ratings")
    parser.add_argument("--scale", type=float, nargs=2, default=(0.0, 5.0), metavar=("LOW", "HIGH"), help="of ratings")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _at_least(least: int) -> Any:
    def parse(text: str) -> int:
        number = count(text)
        if number < least:
            raise argparse.ArgumentTypeError(f"{number} is less than {least}")
        return number

    return parse


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    names = ("screening", "transform", "threshold", "session_mean", "duplicates")
    return {name: getattr(arguments, name) for name in names} | {"scale": tuple(arguments.scale)}


def _mos(arguments: argparse.Namespace) -> int:
    from scoring.opinion_scores import mean_opinion_scores
    from scoring.ratings import InvalidRatings

    try:
        scores = mean_opinion_scores(arguments.ratings, **_options(arguments), mask_undefined=arguments.mask)
    except InvalidRatings as error:
        print_report(error.report, arguments.ratings, as_json=arguments.json)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    scores.table.write_csv(arguments.out)
    result = scores.to_dict()
    if arguments.json:
        print_json(result)
    else:
        _print_scores(result, arguments.out)
    return 0


def _print_scores(result: dict[str, Any], path: Path) -> None:
    found = result["diagnostics"]
    print(f"{path}: MOS of {found['images']} images from {found['ratings']} ratings, {found['kept']} subjects")
    for subject, reason in result["rejected"].items():
        print(f"rejected {subject}: {reason}")
    for warning in result["warnings"]:
        print(f"warning: {warning}")
    print(f"sd of zbar {found['sd_zbar']:.4f}, zbar <= -1 for {found['undefined_log_share']:.1%} of the images")
    print("            mean    skew   in 4-5  KS to uniform")
    for name, one in found["distributions"].items():
        shape = f"{one['skew']:7.2f}  {one['share_4_to_5']:7.3f}  {one['ks_uniform']:7.3f}"
        print(f"{name:13s} {one['mean']:.2f} {shape}")


def _ceiling(arguments: argparse.Namespace) -> int:
    from scoring.noise_ceiling import estimate_noise_ceiling
    from scoring.ratings import InvalidRatings

    draws = {name: getattr(arguments, name) for name in ("splits", "resamples", "seed")}
    try:
        ceiling = estimate_noise_ceiling(arguments.ratings, **_options(arguments), **draws)
    except InvalidRatings as error:
        print_report(error.report, arguments.ratings, as_json=arguments.json)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    result = ceiling.to_dict()
    if arguments.json:
        print_json(result)
    else:
        _print_ceiling(result)
    return 0


def _print_ceiling(result: dict[str, Any]) -> None:
    reliability = "undefined" if result["reliability"] is None else f"{result['reliability']:.4f}"
    print(f"{result['images']} images, {result['subjects']} subjects, reliability of the MOS {reliability}")
    print("        ceiling (split-half)       halves   another draw of raters")
    for metric, one in result["split_half"].items():
        other = result["resampling"][metric]
        half = "" if one["estimate"] is None else f"{one['half']:.4f}"
        print(f"{metric:6s}  {_shown(one):25s}  {half:7s}  {_shown(other)}".rstrip())
    for metric, reason in result["reasons"].items():
        print(f"{metric}: {reason}")


def _shown(one: dict[str, Any]) -> str:
    if one["estimate"] is None:
        return "undefined"
    interval = one["interval"]
    return f"{one['estimate']:.4f}" + (f" [{interval[0]:.4f}, {interval[1]:.4f}]" if interval else "")
