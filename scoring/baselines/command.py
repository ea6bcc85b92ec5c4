"""The commands `python -m scoring baselines {list,run,weights,finetune,tables}`.

Contract: as in scoring.cli; status 1 also when an image could not be read or a weight file is not as it should be.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoring.baselines.finetune_command import add_commands as add_finetune_commands
from scoring.cli import count, print_json

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from scoring.baselines.registry import MetricInfo

UNDEFINED = ("median", "worst", "leave")  # as in scoring.baselines.job, which is not imported before it is needed
WEIGHTS = Path("var/baseline-weights")  # as in scoring.baselines.weights


def add_commands(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `baselines` and what is below it to the parser of scoring.cli."""
    parser = commands.add_parser("baselines", help="the paper's baseline metrics: run, fine-tune, tables")
    actions = parser.add_subparsers(required=True, metavar="action")
    listing = actions.add_parser("list", help="which metrics there are and what each does to an image")
    _add_common(listing)
    listing.set_defaults(run=_guarded(_list))
    run = actions.add_parser("run", help="score images with metrics; goes on where it was stopped")
    run.add_argument("--metric", nargs="+", required=True, help="names, or `all`")
    run.add_argument(
        "--images", type=Path, required=True, help="a folder, or a CSV with name and, if need be, file, prompt"
    )
    run.add_argument("--out", type=Path, required=True, help="folder for OUT/METRIC/predictions.csv and the rest")
    run.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, ...; auto takes a GPU if there is one")
    run.add_argument("--undefined", choices=UNDEFINED, default=UNDEFINED[0], help="the score of images without one")
    run.add_argument("--chunk", type=count, default=256, help="images that are kept at once")
    _add_common(run)
    run.set_defaults(run=_guarded(_run))
    weights = actions.add_parser("weights", help="weight files: list, fetch, verify, accept")
    weights.add_argument("action", choices=("list", "fetch", "verify", "accept"))
    weights.add_argument("metric", nargs="*", help="names; all where none is given")
    _add_common(weights)
    weights.set_defaults(run=_guarded(_weights))
    add_finetune_commands(actions, _guarded, WEIGHTS)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--metrics", type=Path, action="append", default=[], help="a TOML file with further metrics")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help=f"folder of weight files ({WEIGHTS})")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _guarded(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """The command, with what it may refuse as a message instead of a traceback."""
    return partial(_run_guarded, command)


def _run_guarded(command: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    from scoring.baselines.metric import MetricUnavailable

    try:
        return command(arguments)
    except MetricUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    except (ValueError, KeyError) as error:
        print(error.args[0] if error.args else error, file=sys.stderr)
        return 2


def _chosen(arguments: argparse.Namespace, names: list[str]) -> list[MetricInfo]:
    from scoring.baselines.registry import find_metric, read_metrics

    metrics = read_metrics(*arguments.metrics)
    return list(metrics.values()) if names in ([], ["all"]) else [find_metric(name, metrics) for name in names]


def _list(arguments: argparse.Namespace) -> int:
    metrics = _chosen(arguments, [])
    if arguments.json:
        print_json({info.name: {key: _plain(value) for key, value in asdict(info).items()} for info in metrics})
        return 0
    for info in metrics:
        better = {True: "lower is better", False: "higher is better", None: "direction as pyiqa says"}
        needs = " needs a prompt;" if info.needs_prompt else ""
        print(
            f"{info.name}: {info.title} ({info.group};{needs} {info.range or 'range as pyiqa says'}; "
            f"{better[info.lower_is_better]})"
        )
        for line in (info.source, info.preprocessing, info.licence):
            if line:
                print(f"    {line}")
    return 0


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _run(arguments: argparse.Namespace) -> int:
    from scoring.baselines.images import list_images
    from scoring.baselines.job import run_metric

    chosen = _chosen(arguments, arguments.metric)
    images, prompts = list_images(arguments.images)
    summaries = {}
    for info in chosen:
        summaries[info.name] = run_metric(
            info,
            images,
            arguments.out / info.name,
            prompts,
            device=arguments.device,
            weights=arguments.weights,
            chunk_size=arguments.chunk,
            undefined=arguments.undefined,
            progress=partial(_show_progress, info.name),
        )
    if arguments.json:
        print_json({name: summary.to_dict() for name, summary in summaries.items()})
    else:
        for name, summary in summaries.items():
            counts = ", ".join(f"{number} {status}" for status, number in summary.statuses.items())
            print(f"{name}: {counts}; {summary.filled} filled in ({arguments.undefined}); {summary.seconds:.1f} s")
            print("".join(f"    {problem}\n" for problem in summary.problems), end="")
    return 0 if all(summary.complete for summary in summaries.values()) else 1


def _show_progress(name: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{name}: {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _weights(arguments: argparse.Namespace) -> int:
    from scoring.baselines.weights import accept, check, fetch

    result: dict[str, Any] = {}
    good = True
    for info in _chosen(arguments, arguments.metric):
        if arguments.action == "fetch":
            fetch(info, arguments.weights, lambda line: print(line, file=sys.stderr))
        if arguments.action == "accept":
            accept(info, arguments.weights)
        if arguments.action == "list":
            result[info.name] = [asdict(entry) for entry in info.weights]
        else:
            result[info.name] = [asdict(one) for one in check(info, arguments.weights)]
            good = good and all(one["state"] == "ok" for one in result[info.name])
    if arguments.json:
        print_json({name: [{k: _plain(v) for k, v in one.items()} for one in found] for name, found in result.items()})
    else:
        for name, found in result.items():
            print(f"{name}:" + ("" if found else " needs no files"))
            for one in found:
                shown = one["file"] if "state" in one else one["file"] or one["repo"]
                detail = f"{one['state']} {one['sha256']}" if "state" in one else f"{one['url']} ({one['licence']})"
                print(f"    {shown}: {detail}".rstrip())
    return 0 if good else 1
