"""The commands `python -m scoring baselines finetune` and `... tables`.

Contract: as in scoring.baselines.command, which guards them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoring.cli import count, print_json, print_report

if TYPE_CHECKING:
    from argparse import _SubParsersAction

Guard = Callable[[Callable[[argparse.Namespace], int]], Callable[[argparse.Namespace], int]]


def add_commands(actions: _SubParsersAction[argparse.ArgumentParser], guarded: Guard, weights: Path) -> None:
    """Add both commands to the parser of `baselines`."""
    finetune = actions.add_parser("finetune", help="train cnniqa, clipiqa or dbcnn on MOS, once or ten times")
    finetune.add_argument("--metric", required=True, help="cnniqa, clipiqa or dbcnn")
    finetune.add_argument("--scope", default="", help="clipiqa: visual, prompt, all; dbcnn: all, head; cnniqa: all")
    finetune.add_argument("--images", type=Path, required=True, help="a folder, or a CSV with name and file")
    finetune.add_argument("--train", type=Path, required=True, help="CSV name,mos")
    finetune.add_argument("--validation", type=Path, required=True, help="CSV name,mos")
    finetune.add_argument("--out", type=Path, required=True, help="folder for OUT/repeat-SEED")
    finetune.add_argument("--repeats", type=count, default=10, help="how many, with the seeds 0, 1, ...")
    finetune.add_argument("--only", type=count, help="this repeat alone: others run elsewhere")
    finetune.add_argument("--epochs", type=count, default=100)
    finetune.add_argument("--batch", type=count, default=128, help="images per step")
    finetune.add_argument("--micro-batch", type=count, default=16, help="images in memory at once")
    finetune.add_argument("--learning-rate", type=float, default=1e-5, help="of Adam")
    finetune.add_argument("--crop", type=count, default=224, help="pixels")
    finetune.add_argument("--mixed", action="store_true", help="bfloat16 where that is safe")
    finetune.add_argument("--mos-range", type=float, nargs=2, default=(0.0, 5.0), metavar=("LOW", "HIGH"))
    finetune.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, ...")
    finetune.add_argument("--weights", type=Path, default=weights, help=f"folder of weight files ({weights})")
    finetune.add_argument("--json", action="store_true", help="print JSON")
    finetune.set_defaults(run=guarded(_finetune))
    tables = actions.add_parser("tables", help="tables 2 and 3 of the paper from prediction files")
    tables.add_argument("--predictions", type=Path, required=True, help="folder of NAME.csv or NAME/predictions.csv")
    tables.add_argument("--key", type=Path, required=True, help="CSV name,mos and cfg_default, iteration_default, ...")
    tables.add_argument("--paper", type=Path, help="folder with the paper's table2.csv and table3.csv, to set beside")
    tables.add_argument("--out", type=Path, help="folder for table2.tex, .md, .csv, .json and table3; else printed")
    tables.add_argument("--json", action="store_true", help="print JSON")
    tables.set_defaults(run=guarded(_tables))


def _finetune(arguments: argparse.Namespace) -> int:
    from scoring.answer_key import InvalidAnswerKey
    from scoring.baselines.finetune import aggregate, fine_tune
    from scoring.baselines.recipe import Recipe
    from scoring.baselines.samples import read_samples, record

    sets = []
    for key in (arguments.train, arguments.validation):
        try:
            sets.append(read_samples(arguments.images, key))
        except InvalidAnswerKey as error:
            print_report(error.report, key, as_json=arguments.json)
            return 1
    seeds = range(arguments.repeats) if arguments.only is None else [arguments.only]
    names = ("metric", "scope", "epochs", "batch", "micro_batch", "learning_rate", "crop", "mixed")
    settings: dict[str, Any] = {name: getattr(arguments, name) for name in names}
    for seed in seeds:
        recipe = Recipe(**settings, seed=seed, mos_range=tuple(arguments.mos_range))
        show = partial(_show_epoch, f"repeat {seed}")
        where = arguments.out / f"repeat-{seed}"
        fine_tune(recipe, sets[0], sets[1], where, weights=arguments.weights, device=arguments.device, progress=show)
    summary = aggregate([arguments.out / f"repeat-{seed}" for seed in seeds])
    if arguments.only is None:
        record(arguments.out / "summary.json", summary)
    if arguments.json:
        print_json(summary)
    else:
        print(f"{summary['metric']} ({summary['scope']}), {summary['repeats']} repeats, validation:")
        for name in ("srocc", "krocc", "plcc"):
            mean, sd = summary[name]["mean"], summary[name]["sd"]
            print(f"  {name}  " + ("undefined" if mean is None else f"{mean:.4f}" + (f" ± {sd:.4f}" if sd else "")))
    return 0


def _show_epoch(label: str, done: int, total: int) -> None:
    print(f"{label}: epoch {done} of {total}", file=sys.stderr)


def _tables(arguments: argparse.Namespace) -> int:
    from scoring.answer_key import InvalidAnswerKey, read_answer_key
    from scoring.baselines.table_formats import FORMATS
    from scoring.baselines.tables import find_predictions, make_tables
    from scoring.predictions import InvalidPredictions, read_predictions

    path = arguments.key
    try:
        key = read_answer_key(path)
        predictions = {}
        for name, path in find_predictions(arguments.predictions).items():
            predictions[name] = read_predictions(path, key.names)
    except (InvalidPredictions, InvalidAnswerKey) as error:
        print_report(error.report, path, as_json=arguments.json)
        return 1
    tables = make_tables(predictions, key, arguments.paper)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        for table in tables:
            for ending, write in FORMATS.items():
                (arguments.out / f"{table.name}.{ending}").write_text(write(table), encoding="utf-8")
    if arguments.json:
        print_json({table.name: json.loads(FORMATS["json"](table)) for table in tables})
    elif arguments.out is None:
        print("\n".join(FORMATS["md"](table) for table in tables))
    return 0
