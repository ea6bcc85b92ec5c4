"""A small database to release, with scores whose digits occur nowhere else."""

import csv
import random
from pathlib import Path
from typing import Any

from generation.cli import main
from tests.generation.pictures import write_picture

N = 20
HIDDEN = range(14, N)  # the test split; 12 and 13 are the validation split
CARD = """
title: Waves
description: Waves of colour, rated.
version: 1.0.0
date: 2027-01-31
license: CC-BY-4.0
authors: [A. Author, {name: B. Author, affiliation: A University, orcid: 0000-0001-2345-6789}]
citation: "@misc{waves, title={Waves}}"
url: https://example.org/waves
huggingface: owner/waves
scale: 0 (bad) to 5 (excellent), higher is better
biases: Only waves.
collection: Computed.
annotators: Twelve people.
keywords: [waves]
changelog: [{version: 1.0.0, date: 2027-01-31, changes: [First release]}]
"""


def name_of(number: int) -> str:
    """The names of the images are in random order of number, so order by name says nothing of order by MOS."""
    place = random.Random(number).randrange(10_000)
    return f"SD1.4_{place:04d}_{number}.{'jpg' if number % 7 == 3 else 'png'}"


def opinions(number: int) -> dict[str, Any]:
    """Digits that are unlike any others in a release; the MOS rises with the number."""
    return {
        "mos": round(1.0271828 + number * 0.1234567, 7),
        "std": round(0.3141592 + number * 0.0101013, 7),
        "n_ratings": 7_000_003 + 17 * number,
        "ci95": round(0.0577215 + number * 0.0020011, 7),
    }


def hidden_digits() -> set[str]:
    """How the opinions on the images of the test split are written."""
    return {str(value) for number in HIDDEN for value in opinions(number).values()}


def make_case(folder: Path) -> Path:
    """Write images/, images.csv, splits.csv, plan.csv, ratings.csv, prompts.csv, funnel.json and card.yaml."""
    for number in range(N):
        write_picture(folder / "images" / "a" / f"{number}.{name_of(number).rsplit('.', 1)[1]}", number)
    table, splits, plan = [], [], []
    for number in range(N):
        name = name_of(number)
        ending = name.rsplit(".", 1)[1]
        scores = opinions(number)
        table.append(
            {"name": name, "file": f"a/{number}.{ending}", "prompt": f'waves, "no {number}"', "model": "SD1.4"}
            | scores
            | {"old_mos": scores["mos"]}
        )
        split = "test" if number in HIDDEN else "validation" if number in (12, 13) else "train"
        splits.append({"name": name, "split": split, "mos_decile": number})
        plan.append(
            {"index": number, "name": name, "iterations": 40, "cfg": 7.5, "width": 24, "height": 16, "seed": 2**32 - 1}
            | {"block": "anchor" if number % 2 else "factorial", "cfg_default": str(number % 3 == 0).lower()}
        )
    write(folder / "images.csv", table)
    write(folder / "splits.csv", splits)
    write(folder / "plan.csv", plan)
    ratings = [
        {"subject": f"{subject}@example.org", "image": name_of(number), "session": f"{subject}-1", "rating": 3.5}
        | {"seconds": 2.7}
        for subject in ("ann", "bob", "cyd")
        for number in range(N)
    ]
    write(folder / "ratings.csv", ratings)
    write(folder / "prompts.csv", [{"id": number, "prompt": f'waves, "no {number}"'} for number in range(N)])
    (folder / "funnel.json").write_text('{"input": 20}\n')
    (folder / "card.yaml").write_text(CARD)
    return folder


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """A CSV of dictionaries that all have the keys of the first."""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def release(folder: Path, *more: str, out: str = "out", tables: str = "images splits plan ratings prompts") -> int:
    """Run the command on a case; `tables` are the files to give it."""
    arguments = ["release", "--images", str(folder / "images"), "--out", str(folder / out), "--workers", "1"]
    arguments += ["--card", str(folder / "card.yaml"), "--shard-size", "4K"]
    for table in tables.split():
        option = "table" if table == "images" else table
        arguments += [f"--{option}", str(folder / f"{table}.csv")]
    return main([*arguments, *more])


def tree(folder: Path) -> dict[str, bytes]:
    """{path: content} of every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
