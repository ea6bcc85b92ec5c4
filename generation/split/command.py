"""Divide a database into train, validation and test set, or check a division that exists.

Prompts that are at least 80 % alike stay in one set (--method grouped), so that no image of the validation or test set
has a prompt like one of the training set. Each generator, and each tenth of its MOS, is divided in the same ratio. The
report says how many images have a twin of their prompt in the training set.

    python -m generation split --input images.csv --out splits.csv
    python -m generation split --check --input splits.csv
    python -m generation split --check --input train=info_train.csv validation=info_val.csv
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generation.files import whole_file
from generation.options import whole_number
from generation.problems import InvalidInput
from generation.rounding import apportion
from generation.split.assign import SETS, assign, deciles
from generation.split.leakage import CLUSTER_AT, Prompts, group_prompts, leakage, leakage_lines
from generation.tables import Table, read_table

METHODS = ("grouped", "random")


@dataclass(frozen=True)
class Images:
    """The input, one entry per image; `mos` and `sets` are None where the input has none."""

    names: list[str]
    prompts: list[str]
    generators: list[str]
    mos: list[float] | None
    sets: list[str] | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `split`."""
    parser.add_argument(
        "--input",
        nargs="+",
        required=True,
        metavar="[SET=]IMAGES.csv",
        help="columns name and prompt, and if there model (else the name up to its last `_`) and mos; with --check "
        "also split, or one file per set with the name of the set before it",
    )
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--out", type=Path, metavar="SPLITS.csv", help="file to write: name, split, cluster, prompt")
    task.add_argument("--check", action="store_true", help="divide nothing: report what an existing split leaks")
    parser.add_argument(
        "--ratio", type=_ratio, default=(7, 1, 2), metavar="7:1:2", help="train : validation : test (default 7:1:2)"
    )
    parser.add_argument(
        "--method",
        choices=METHODS,
        default=METHODS[0],
        help="grouped: similar prompts stay together (default); random: as in the paper, within each generator",
    )
    parser.add_argument("--seed", type=whole_number, default=0, metavar="N", help="of the random order (default 0)")
    parser.add_argument("--report", type=Path, metavar="LEAKAGE.json", help="also write the report as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write the split and print the report, or only the report."""
    images = read_images(arguments.input)
    prompts = group_prompts(images.prompts)
    if arguments.check:
        if images.sets is None:
            raise InvalidInput(
                "--check needs the sets: a column split, or files as SET=FILE, such as train=info_train.csv"
            )
        sets = images.sets
    else:
        sets = divide(images, prompts, arguments.method, arguments.ratio, arguments.seed)
        write_split(arguments.out, images, prompts, sets)
    report = split_report(prompts, sets, None if arguments.check else arguments.ratio)
    if arguments.report is not None:
        with whole_file(arguments.report) as stream:
            stream.write(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.write("\n".join(_sentences(report)) + "\n")
    return 0


def _sentences(report: dict[str, Any]) -> list[str]:
    clusters = report["clusters"]
    wanted = report.get("wanted", report["sets"])
    lines = [
        f"{report['images']} images: {', '.join(f'{name} {count}' for name, count in report['sets'].items())}",
        f"{clusters['count']} clusters of prompts at least {CLUSTER_AT} % alike, the largest {clusters['largest']} "
        f"images; {clusters['divided']} of them are in more than one set",
        *leakage_lines(report["leakage"]),
    ]
    if any(report["sets"].get(name, 0) != count for name, count in wanted.items()):
        asked = ", ".join(f"{name} {count}" for name, count in wanted.items())
        lines.append(f"the ratio asks for {asked}: clusters of prompts stay whole, and these are too large for it")
    return lines


def read_images(inputs: list[str]) -> Images:
    """Read FILE, or several SET=FILE. Raises OSError, and InvalidInput naming every row that cannot be used."""
    named = [text.partition("=")[::2] if "=" in text else ("", text) for text in inputs]
    if len(named) > 1 and not all(name for name, _ in named):
        raise InvalidInput(
            "several files need the name of their set each: train=info_train.csv validation=info_val.csv"
        )
    tables = [(name, read_table(Path(path), ["name", "prompt"])) for name, path in named]
    parts = [_images_of(table, name) for name, table in tables]
    names = [name for part in parts for name in part.names]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InvalidInput(*(f"the image {name} is in more than one file" for name in repeated))
    mos = [part.mos for part in parts]
    sets = [part.sets for part in parts]
    return Images(
        names,
        [prompt for part in parts for prompt in part.prompts],
        [generator for part in parts for generator in part.generators],
        None if None in mos else [value for part in mos for value in part or ()],
        None if None in sets else [value for part in sets for value in part or ()],
    )


def _images_of(table: Table, set_name: str) -> Images:
    names = table.unique("name")
    generators = table.filled("model") if "model" in table.columns else [name.rpartition("_")[0] for name in names]
    mos = _numbers(table, "mos") if "mos" in table.columns else None
    sets = [set_name] * len(names) if set_name else table.filled("split") if "split" in table.columns else None
    return Images(names, table.filled("prompt"), generators, mos, sets)


def _numbers(table: Table, column: str) -> list[float]:
    values = []
    problems = []
    for i, row in enumerate(table.rows):
        try:
            value = float(row[column])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            problems.append(
                f"{table.place(i)}: {column} is {row[column]!r}, not a number; give every image one, or no column"
            )
        values.append(value)
    if problems:
        raise InvalidInput(*problems)
    return values


def divide(images: Images, prompts: Prompts, method: str, ratio: tuple[int, int, int], seed: int) -> list[str]:
    """The set of each image: by clusters, generators and MOS ("grouped") or by generators only ("random")."""
    if method == "random":
        return assign(range(len(images.names)), deciles(images.names, images.generators, None), ratio, seed)
    return assign(prompts.cluster_of, deciles(images.names, images.generators, images.mos), ratio, seed)


def write_split(path: Path, images: Images, prompts: Prompts, sets: list[str]) -> None:
    """CSV name,split,cluster,prompt in the order of the input. Never a MOS."""
    with whole_file(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("name", "split", "cluster", "prompt"))
        writer.writerows(zip(images.names, sets, prompts.cluster_of, images.prompts, strict=True))


def split_report(prompts: Prompts, sets: list[str], ratio: Sequence[int] | None = None) -> dict[str, Any]:
    """JSON-safe: images, images per set, with a ratio also those wanted, clusters, and what `leakage` says."""
    sizes = Counter(prompts.cluster_of)
    in_sets = Counter(cluster for cluster, _ in set(zip(prompts.cluster_of, sets, strict=True)))
    known = [name for name in SETS if name in sets] + sorted(set(sets) - set(SETS))
    counts = Counter(sets)
    return {
        "images": len(sets),
        "sets": {name: counts[name] for name in known},
        **({} if ratio is None else {"wanted": dict(zip(SETS, apportion(len(sets), ratio), strict=True))}),
        "clusters": {
            "threshold": CLUSTER_AT,
            "count": len(sizes),
            "largest": max(sizes.values()),
            "divided": sum(n > 1 for n in in_sets.values()),
        },
        "leakage": leakage(prompts, sets),
    }


def _ratio(text: str) -> tuple[int, int, int]:
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts) or int(parts[0]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not three whole numbers like 7:1:2, the first above 0")
    train, validation, test = map(int, parts)
    return train, validation, test
