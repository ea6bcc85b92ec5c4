"""The demo's figures: 14,000 real MOS of AIGIQA-20K, split 7:1:2 within each generator with a fixed seed.

All three parts come from the released training set (the MOS of the original validation and test sets were never
published), so the demo's «hidden» values are public elsewhere. See data/NOTICE.md for source and licence.
"""

import csv
import dataclasses
import gzip
import io
import random
from collections import defaultdict
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parent / "data" / "aigiqa20k_mos.csv.gz"
SEED = 20240403
PARTS = {"train": 7, "validation": 1, "test": 2}


@dataclasses.dataclass(frozen=True)
class DemoImage:
    """One image: its file name, its MOS as printed in the source, the generator that its name begins with."""

    name: str
    mos: str
    generator: str


@cache
def demo_tables() -> dict[str, list[DemoImage]]:
    """`train` (9,800), `validation` (1,400) and `test` (2,800) images by name; the same on every machine."""
    by_generator: dict[str, list[DemoImage]] = defaultdict(list)
    with gzip.open(SOURCE, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            generator = row["name"].rsplit("_", 1)[0]
            by_generator[generator].append(DemoImage(row["name"], row["mos"], generator))
    shuffle = random.Random(SEED)  # noqa: S311  a reproducible split, not a secret
    tables: dict[str, list[DemoImage]] = {part: [] for part in PARTS}
    for _, images in sorted(by_generator.items()):
        images.sort(key=lambda image: image.name)
        shuffle.shuffle(images)
        start = 0
        for part, share in PARTS.items():
            end = start + len(images) * share // sum(PARTS.values())
            tables[part] += images[start:end]
            start = end
    return {part: sorted(images, key=lambda image: image.name) for part, images in tables.items()}


def csv_of(header: list[str], rows: list[list[str]]) -> bytes:
    """A small CSV file."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue().encode()


def answer_key(part: str) -> bytes:
    """The answer key of `validation` or `test`: name, mos, generator."""
    return csv_of(["name", "mos", "generator"], [[i.name, i.mos, i.generator] for i in demo_tables()[part]])


def names(part: str) -> bytes:
    """The names of a part, one per line."""
    return ("\n".join(image.name for image in demo_tables()[part]) + "\n").encode()


def training_table() -> bytes:
    """The public part: name, mos."""
    return csv_of(["name", "mos"], [[image.name, image.mos] for image in demo_tables()["train"]])
