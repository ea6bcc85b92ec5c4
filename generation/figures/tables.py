"""Images with their models, parameters, prompts and opinion scores: a table of images joined by name with MOS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from generation.attributes.figure import flags_in
from generation.fields import finite
from generation.figures.groups import Flags, Floats
from generation.figures.lengths import LENGTHS, figure7
from generation.figures.parameters import FACTORS, figure6
from generation.problems import InvalidInput
from generation.release.rows import named
from generation.tables import Table


@dataclass(frozen=True)
class Images:
    """n images. `flags` {name: {flag: is the default}}, None where the table has no flags; `prompts` likewise."""

    names: list[str]
    models: list[str]
    flags: Mapping[str, Mapping[str, bool]] | None
    prompts: list[str] | None


def images_in(table: Table) -> Images:
    """The images of a plan or of a release's table: column `name` (or `image`), and if there `model` (else the name up
    to its last `_`), the three `*_default` columns together, `prompt`.

    Raises InvalidInput with the line of every fault, also for a table with some of the three only.
    """
    table = named(table)
    names = [row["name"] for row in table.rows]
    models = table.filled("model") if "model" in table.columns else [name.rpartition("_")[0] or name for name in names]
    there = [flag for flag in FACTORS.values() if flag in table.columns]
    if there and len(there) < len(FACTORS):
        missing = ", ".join(flag for flag in FACTORS.values() if flag not in there)
        raise InvalidInput(
            f"{table.path}: it has {', '.join(there)} but not {missing}: add that, or leave all three out"
        )
    prompts = [row["prompt"] for row in table.rows] if "prompt" in table.columns else None
    return Images(names, models, flags_in(table) if there else None, prompts)


def opinions_in(table: Table) -> dict[str, float]:
    """{name: MOS} of a table with `name` or `image` and `mos`; images whose cell is empty are left out.

    Raises InvalidInput with the line of every cell that is no number.
    """
    table = named(table)
    if "mos" not in table.columns:
        raise InvalidInput(f"{table.path}: no column mos; it has: {', '.join(table.columns)}")
    found, problems = {}, []
    for i, row in enumerate(table.rows):
        text = row["mos"].strip()
        value = finite(text)
        if value is not None:
            found[row["name"]] = value
        elif text:
            problems.append(f"{table.place(i)}: mos of {row['name']!r} is not a number")
    if problems:
        raise InvalidInput(*problems)
    return found


def figures(
    images: Images,
    mos: Mapping[str, float],
    *,
    length: str = LENGTHS[0],
    all_configurations: bool = False,
    least: int = 1,
) -> dict[str, Any]:
    """{"6": numbers, "7": numbers} of the images that have a MOS, each None where the table lacks what it needs.

    Figure 7 is of images with all defaults or, with `all_configurations`, of all. Raises InvalidInput when no image
    has a MOS.
    """
    rows = [i for i, name in enumerate(images.names) if name in mos]
    if not rows:
        raise InvalidInput("no image of the table has an opinion score: the names must be the same")
    scores: Floats = np.array([mos[images.names[i]] for i in rows], dtype=np.float64)
    models = [images.models[i] for i in rows]
    defaults: dict[str, Flags] | None = None
    if images.flags is not None:
        own = [images.flags[images.names[i]] for i in rows]
        defaults = {factor: np.array([one[flag] for one in own]) for factor, flag in FACTORS.items()}
    found: dict[str, Any] = {"6": None, "7": None}
    if defaults is not None:
        found["6"] = figure6(scores, models, defaults, least=least)
    if images.prompts is not None and (defaults is not None or all_configurations):
        chosen = None if all_configurations or defaults is None else np.logical_and.reduce(list(defaults.values()))
        prompts = [images.prompts[i] for i in rows]
        found["7"] = figure7(scores, models, prompts, chosen, length=length, least=least)
    return found
