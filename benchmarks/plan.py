"""The plan and the split against what is usually done, as Markdown tables.

    OMP_NUM_THREADS=1 python -m benchmarks plan

Peers: independent draws per image, linear programmes (scipy's HiGHS) for the factorial tables, rapidfuzz's `cdist` on
all keys of like length for twins, a random split. Times are CPU seconds, on the same data in the same run.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz import fuzz, process
from scipy.optimize import linprog

from benchmarks.scoring import table
from generation.catalogue.models import read_catalogue
from generation.plan.design import make_designs
from generation.plan.factorial import factorial_counts
from generation.plan.levels import FACTOR
from generation.plan.plan import make_plan
from generation.plan.report import cramers_v
from generation.prompts.text import key
from generation.rounding import apportion
from generation.split.command import Images, divide, read_images, split_report
from generation.split.leakage import CLUSTER_AT, group_prompts
from generation.split.twins import find_twins

RELEASED = Path(__file__).resolve().parents[2] / "shared" / "data" / "aigiqa20k-train" / "info_train.csv"
MARGINS = ([500, 500, 500], [500, 400, 400, 200], [500, 200, 200, 200, 200, 200])
ROWS = 6000  # of the released prompts; the whole takes minutes


def cpu_seconds(run: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and how long it took."""
    start = time.process_time()
    result = run()
    return result, time.process_time() - start


def independent_levels() -> list[dict[str, list[str]]]:
    """Levels of each image drawn independently, {factor: levels} per model: what scripts usually do."""
    rng = np.random.default_rng(0)
    return [
        {
            name: rng.choice(FACTOR[name].levels, model.images, p=np.array(FACTOR[name].shares) / 100).tolist()
            for name in model.varies
        }
        for model in read_catalogue().models
    ]


def planned_levels() -> list[dict[str, list[str]]]:
    """The same of our plan, under the policy that keeps the shares."""
    plan = make_plan(read_catalogue(), policy="strict")
    column = {"iterations": "iteration_level", "cfg": "cfg_level", "resolution": "resolution_level"}
    return [
        {
            factor.name: [getattr(i, column[factor.name]) for i in plan.images if i.model == design.model.name]
            for factor in design.factors
        }
        for design in plan.designs
    ]


def worst_margin(models: Sequence[dict[str, list[str]]]) -> int:
    """Largest difference between images at a level and the paper's share of them."""
    worst = 0
    for model in models:
        for name, levels in model.items():
            wanted = apportion(len(levels), FACTOR[name].shares)
            counts = Counter(levels)
            worst = max(worst, *(abs(counts[lv] - n) for lv, n in zip(FACTOR[name].levels, wanted, strict=True)))
    return worst


def fewest_defaults(models: Sequence[dict[str, list[str]]]) -> int:
    """Fewest images with all defaults that a model with factors has."""
    defaults = {name: factor.levels[0] for name, factor in FACTOR.items()}
    counts = []
    for model in filter(None, models):
        rows = zip(*model.values(), strict=True)
        counts.append(sum(row == tuple(defaults[name] for name in model) for row in rows))
    return min(counts)


def compare_plans() -> None:
    """A plan of 20,000 images against independent draws."""
    rows = []
    base = 0.0
    for label, run in (("this library (strict)", planned_levels), ("independent draws", independent_levels)):
        models, seconds = cpu_seconds(run)
        base = base or seconds
        rows.append(
            [
                label,
                f"{seconds:.2f} s",
                f"{seconds / base:.2f}",
                str(worst_margin(models)),
                str(fewest_defaults(models)),
            ]
        )
    header = ["20,000 images", "time", "ratio", "worst margin, images off", "fewest all-default of a model"]
    table("Plan against independent draws", header, rows)


def by_linear_programmes(margins: Sequence[Sequence[int]]) -> dict[tuple[int, ...], int]:
    """Sequential controlled rounding: two transportation problems, each solved by HiGHS."""
    cells: dict[tuple[int, ...], int] = {(i,): count for i, count in enumerate(margins[0])}
    for margin in margins[1:]:
        keys, rows = list(cells), np.array(list(cells.values()))
        expected = np.outer(rows, margin) / rows.sum()
        low = np.floor(expected + 1e-9)
        sums = np.vstack([np.kron(np.eye(len(rows)), np.ones(len(margin))), np.tile(np.eye(len(margin)), len(rows))])
        needs = np.concatenate([rows - low.sum(1), np.array(margin) - low.sum(0)])
        found = linprog(-(expected - low).ravel(), A_eq=sums, b_eq=needs, bounds=(0, 1), method="highs-ds")
        counts = (low + np.round(found.x).reshape(expected.shape)).astype(int)
        cells = {(*key, j): int(n) for key, line in zip(keys, counts, strict=True) for j, n in enumerate(line) if n}
    return cells


def compare_tables() -> None:
    """One 3 x 4 x 6 table of 1,500 images: time, cells off their expectation by one or more, confounding."""
    rows = []
    base = 0.0
    methods: tuple[tuple[str, Callable[[Any], Any]], ...] = (
        ("this library", factorial_counts),
        ("two linear programmes (HiGHS)", by_linear_programmes),
    )
    for label, method in methods:
        tables, seconds = cpu_seconds(lambda method=method: [method(MARGINS) for _ in range(10)])
        counts = tables[0]
        base = base or seconds
        total = sum(counts.values())
        off = sum(
            abs(counts.get(cell, 0) - np.prod([MARGINS[f][i] for f, i in enumerate(cell)], dtype=float) / total**2) >= 1
            for cell in product(*(range(len(margin)) for margin in MARGINS))
        )
        v = max(cramers_v(two_way(counts, one, other)) or 0.0 for one, other in combinations(range(3), 2))
        rows.append([label, f"{seconds * 100:.1f} ms", f"{seconds / base:.2f}", str(off), f"{v:.4f}"])
    table("Factorial table", ["1,500 images", "time", "ratio", "cells 1 or more off", "largest Cramér's V"], rows)


def two_way(counts: dict[tuple[int, ...], int], one: int, other: int) -> list[list[int]]:
    found = [[0] * len(MARGINS[other]) for _ in MARGINS[one]]
    for cell, n in counts.items():
        found[cell[one]][cell[other]] += n
    return found


def all_pairs(keys: Sequence[str]) -> int:
    """Pairs at the threshold by rapidfuzz alone, on keys sorted by length, within the window that lengths allow."""
    ordered = sorted(keys, key=len)
    lengths = [len(key) for key in ordered]
    pairs = 0
    for start in range(0, len(ordered), 256):
        block = ordered[start : start + 256]
        stop = int(np.searchsorted(lengths, len(block[-1]) * (200 - CLUSTER_AT) / CLUSTER_AT + 1e-9, "right"))
        scores = process.cdist(block, ordered[start:stop], scorer=fuzz.ratio, score_cutoff=CLUSTER_AT, dtype=np.float64)
        pairs += int((np.triu(scores, 1) >= CLUSTER_AT).sum())
    return pairs


def compare_twins(images: Images) -> None:
    """All pairs of prompts at least 80 % alike."""
    keys = list({key(prompt) for prompt in images.prompts[:ROWS]})
    found, seconds = cpu_seconds(lambda: len(find_twins(keys, CLUSTER_AT)))
    peer, peer_seconds = cpu_seconds(lambda: all_pairs(keys))
    rows = [
        ["this library", f"{seconds:.1f} s", "1.00", str(found)],
        ["rapidfuzz cdist, length window", f"{peer_seconds:.1f} s", f"{peer_seconds / seconds:.2f}", str(peer)],
    ]
    table("Twins, exactly", [f"{len(keys):,} keys", "time", "ratio", "pairs"], rows)


def compare_splits(images: Images) -> None:
    """Leakage of our split and of the paper's kind."""
    subset = Images(
        images.names[:ROWS], images.prompts[:ROWS], images.generators[:ROWS], (images.mos or [])[:ROWS], None
    )
    prompts = group_prompts(subset.prompts)
    rows = []
    for method in ("grouped", "random"):
        sets, seconds = cpu_seconds(lambda method=method: divide(subset, prompts, method, (7, 1, 2), 0))
        leaked = split_report(prompts, sets)["leakage"]["test"]
        shares = [f"{100 * leaked[level]['share']:.1f} %" for level in ("verbatim", "at_least_90", "at_least_80")]
        rows.append([method, f"{seconds:.2f} s", *shares])
    header = [f"{ROWS:,} released images", "time after the twins", "verbatim in train", ">= 90 % like", ">= 80 % like"]
    table("Test images whose prompt is in train", header, rows)


def main() -> None:
    """Print all tables; those on the released prompts only where these are."""
    designs, seconds = cpu_seconds(lambda: make_designs(read_catalogue()))
    print(f"\n{len(designs)} designs in {seconds:.2f} s")
    compare_plans()
    compare_tables()
    if not RELEASED.exists():
        print(f"\nThe released prompts are missing ({RELEASED}): twins and split are left out.")
        return
    images = read_images([str(RELEASED)])
    compare_twins(images)
    compare_splits(images)


if __name__ == "__main__":
    main()
