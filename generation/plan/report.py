"""What a plan comes to, per model: margins wanted and got, all-default counts, confounding, the rule that gave way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from math import sqrt
from pathlib import Path
from typing import Any

from generation.files import whole_file
from generation.plan.design import ANCHOR, Design
from generation.plan.plan import Plan, PlannedImage


def cramers_v(table: Sequence[Sequence[int]]) -> float | None:
    """Cramér's V of a contingency table: 0 independent, 1 determined. None with fewer than 2 x 2 levels."""
    rows = [sum(line) for line in table]
    columns = [sum(line[j] for line in table) for j in range(len(table[0]))]
    total, smaller = sum(rows), min(sum(map(bool, rows)), sum(map(bool, columns)))
    if smaller < 2:
        return None
    squares = sum(
        table[i][j] ** 2 / (row * column)
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
        if row * column
    )
    return sqrt(max(0.0, squares - 1) / (smaller - 1)) if total else None


def plan_report(plan: Plan) -> dict[str, Any]:
    """JSON-safe: plan_id, options, totals, prompts and one entry per model."""
    return {
        "plan_id": plan.plan_id,
        **plan.options,
        "totals": {
            "images": len(plan.images),
            "anchors": sum(image.block == ANCHOR for image in plan.images),
            "all_default": sum(design.all_default for design in plan.designs),
            "iteration_default": sum(image.iteration_default for image in plan.images),
            "cfg_default": sum(image.cfg_default for image in plan.images),
            "resolution_default": sum(image.resolution_default for image in plan.images),
        },
        "prompts": {
            "pool": plan.pool,
            "distinct": len({image.prompt_id for image in plan.images if image.prompt_id}),
            "length_bins": _lengths(plan.images),
        },
        "models": [_model(design, [i for i in plan.images if i.model == design.model.name]) for design in plan.designs],
    }


def _lengths(images: Sequence[PlannedImage]) -> dict[str, int]:
    return dict(sorted(Counter(image.length_bin for image in images if image.prompt_id).items()))


def _model(design: Design, images: Sequence[PlannedImage]) -> dict[str, Any]:
    return {
        "model": design.model.name,
        "images": design.images,
        "anchors": design.anchors,
        "factorial": design.factorial,
        "all_default": {"wanted": design.all_default_wanted, "got": design.all_default},
        "factors": {
            factor.name: {
                level: {"wanted": wanted, "got": got}
                for level, wanted, got in zip(factor.levels, design.wanted[i], design.got(i), strict=True)
            }
            for i, factor in enumerate(design.factors)
        },
        "cramers_v": {
            f"{one.name} x {other.name}": {
                "all": _v(design, i, j, design.anchors),
                "factorial": _v(design, i, j, 0),
            }
            for (i, one), (j, other) in combinations(enumerate(design.factors), 2)
        },
        "gave_way": design.gave_way,
        "length_bins": _lengths(images),
        "anchor_length_bins": _lengths([image for image in images if image.block == ANCHOR]),
    }


def _v(design: Design, one: int, other: int, anchors: int) -> float | None:
    table = [[0] * len(design.factors[other].levels) for _ in design.factors[one].levels]
    table[0][0] = anchors
    for cell, count in design.cells.items():
        table[cell[one]][cell[other]] += count
    value = cramers_v(table)
    return None if value is None else round(value, 4)


def warnings_of(report: dict[str, Any]) -> list[str]:
    """Sentences an operator should read before generating anything."""
    said = {
        "shares": "half of the images at each default and {wanted} all-default images exclude each other for "
        "{models}: the shares gave way (--policy guarantee)",
        "orthogonality": "half of the images at each default and {wanted} all-default images exclude each other for "
        "{models}: what is left is confounded, so its effects cannot be told apart (--policy strict)",
        "all-default": "independent shares leave fewer than {wanted} all-default images for {models} "
        "(--policy marginals)",
    }
    warnings = []
    for rule, sentence in said.items():
        models = [model for model in report["models"] if model["gave_way"] == rule]
        wanted = sorted({model["all_default"]["wanted"] for model in models})
        if models:
            names = ", ".join(model["model"] for model in models)
            warnings.append(sentence.format(wanted=" or ".join(map(str, wanted)), models=names))
    return warnings


def as_markdown(report: dict[str, Any]) -> str:
    """The report as a page: one table row per model, then the warnings."""
    totals, prompts = report["totals"], report["prompts"]
    lines = [
        f"# Plan {report['plan_id']}",
        "",
        f"{totals['images']} images, policy {report['policy']}, seed {report['seed']}, "
        f"random CFG {report['random_cfg']}, prompts {report['prompt_mode']}: "
        f"{prompts['distinct']} distinct of {prompts['pool']}.",
        f"At the default: iterations {totals['iteration_default']}, CFG {totals['cfg_default']}, resolution "
        f"{totals['resolution_default']}; all three {totals['all_default']}.",
        "",
        "Per factor: images at each level, default first; where the paper's shares ask for other numbers, those in "
        "brackets. V: the largest Cramér's V between two factors, in all images / in the factorial block.",
        "",
        "| model | images | anchors | all-default (wanted) | iterations | CFG | resolution | V | gave way |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += ["| " + " | ".join(_cells(model)) + " |" for model in report["models"]]
    lines += [f"\nNote: {warning}." for warning in warnings_of(report)]
    return "\n".join(lines) + "\n"


def _cells(model: dict[str, Any]) -> list[str]:
    counts = model["all_default"]
    pairs = model["cramers_v"].values()
    largest = [
        max((pair[part] for pair in pairs if pair[part] is not None), default=None) for part in ("all", "factorial")
    ]
    return [
        model["model"],
        str(model["images"]),
        str(model["anchors"]),
        f"{counts['got']} ({counts['wanted']})",
        *(_levels(model["factors"].get(factor, {})) for factor in ("iterations", "cfg", "resolution")),
        " / ".join("-" if value is None else f"{value:.3f}" for value in largest) if pairs else "-",
        model["gave_way"],
    ]


def _levels(levels: dict[str, dict[str, int]]) -> str:
    if not levels:
        return "fixed"
    got, wanted = ("/".join(str(level[which]) for level in levels.values()) for which in ("got", "wanted"))
    return got if got == wanted else f"{got} ({wanted})"


def write_report(report: dict[str, Any], path: Path) -> None:
    """Markdown when the name ends in .md, else JSON."""
    with whole_file(path) as stream:
        stream.write(
            as_markdown(report) if path.suffix == ".md" else json.dumps(report, indent=2, ensure_ascii=False) + "\n"
        )
