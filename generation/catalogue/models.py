"""The catalogue of text-to-image models: YAML files, read and checked.

`paper.yaml` has the paper's 15, `demo.yaml` the toy that ships with this package. The plan reads what an entry says of
quotas, defaults and sizes; rendering reads where its images come from (generation.catalogue.sources).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from generation.catalogue.sources import Source, read_source
from generation.problems import InvalidInput

PAPER = Path(__file__).with_name("paper.yaml")
DEMO = Path(__file__).with_name("demo.yaml")
FACTORS = ("iterations", "cfg", "resolution")  # what can vary, in the order in which the paper names it


@dataclass(frozen=True)
class Model:
    """One entry. `iterations` and `cfg` are the defaults, None where nobody tells them; sizes are in pixels.

    `source` is None for an entry that can be planned only.
    """

    name: str
    images: int
    longest_edge: int
    quantum: int
    iterations: int | None = None
    cfg: Decimal | None = None
    varies: tuple[str, ...] = ()
    source: Source | None = None


Generators = Mapping[str, Model]  # by name


@dataclass(frozen=True)
class Catalogue:
    """Models in file order; at these quotas at least `all_default` images of each have all defaults."""

    models: tuple[Model, ...]
    all_default: int

    @property
    def images(self) -> int:
        """Size of the database at these quotas."""
        return sum(model.images for model in self.models)


def read_catalogue(path: Path = PAPER) -> Catalogue:
    """Raises OSError when the file cannot be opened, InvalidInput naming every entry that cannot be used."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or not isinstance(content.get("models"), list) or not content["models"]:
        raise InvalidInput(f"{path}: `models:` with a list of entries is missing; see {PAPER.name} for the form")
    all_default: Any = content.get("all_default")
    problems = (
        [] if _whole(all_default) else [f"{path}: all_default must be a whole number from 0, not {all_default!r}"]
    )
    models: list[Model] = []
    for number, entry in enumerate(content["models"], start=1):
        place = f"{path}: model {number}"
        if not isinstance(entry, dict):
            problems.append(f"{place}: not a mapping of keys to values")
            continue
        source, faults = read_source(entry.get("source"), path.parent)
        found = [f"{place} ({entry.get('name')}): {problem}" for problem in [*_problems(entry), *faults]]
        problems += found
        if not found:
            models.append(_model(entry, source))
    names = [model.name for model in models]
    problems += [f"{path}: the name {name} is there twice" for name in sorted({n for n in names if names.count(n) > 1})]
    if not problems:
        problems = [
            f"{path}: {model.name}: all_default is {all_default}, but it has {model.images} images only"
            for model in models
            if all_default > model.images
        ]
    if problems:
        raise InvalidInput(*problems)
    return Catalogue(tuple(models), all_default)


def read_generators(further: Sequence[Path] = ()) -> Generators:
    """The entries of the paper's catalogue, of the demo's, and of further files, whose entries replace earlier ones of
    the same name. Raises as `read_catalogue`."""
    return {model.name: model for path in (PAPER, DEMO, *further) for model in read_catalogue(path).models}


def _model(entry: dict[str, Any], source: Source | None) -> Model:
    values = {**entry, "source": source}
    if values.get("cfg") is not None:
        values["cfg"] = Decimal(str(values["cfg"]))
    values["varies"] = tuple(factor for factor in FACTORS if factor in (values.get("varies") or ()))
    return Model(**values)


def _problems(entry: dict[str, Any]) -> list[str]:
    known = [field.name for field in fields(Model)]
    problems = [f"unknown key {key!r}; known are {', '.join(known)}" for key in entry if key not in known]
    missing = [f.name for f in fields(Model) if f.default is MISSING and entry.get(f.name) is None]
    problems += [f"{name} is missing" for name in missing]
    if problems:
        return problems
    if not isinstance(entry["name"], str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", entry["name"]):
        problems.append("name becomes part of file names: letters, digits, `.`, `_`, `-` only, in quotes if a number")
    problems += [
        f"{key} must be a whole number from 1, not {entry[key]!r}"
        for key in ("images", "longest_edge", "quantum")
        if not _whole(entry[key], 1)
    ]
    if not problems and entry["longest_edge"] % entry["quantum"]:
        problems.append(f"longest_edge {entry['longest_edge']} is not a multiple of quantum {entry['quantum']}")
    steps, cfg = entry.get("iterations"), entry.get("cfg")
    if steps is not None and not _whole(steps, 1):
        problems.append(f"iterations must be a whole number from 1, or nothing, not {steps!r}")
    if cfg is not None and not (isinstance(cfg, int | float) and not isinstance(cfg, bool) and 0 <= cfg <= 1000):
        problems.append(f"cfg must be a number from 0 to 1000, or nothing, not {cfg!r}")
    return problems + _problems_of_variation(entry.get("varies"), steps, cfg)


def _problems_of_variation(varies: Any, steps: Any, cfg: Any) -> list[str]:
    if varies is None:
        return []
    if not isinstance(varies, list) or not set(map(str, varies)) <= set(FACTORS):
        return [f"varies must be a list of {', '.join(FACTORS)}, not {varies!r}"]
    problems = []
    if "iterations" in varies and not _whole(steps, 3):
        problems.append("to vary iterations their default must be 3 or more: below, half and a quarter are the same")
    if "cfg" in varies and not cfg:
        problems.append("to vary cfg its default must be given and above 0: half and twice 0 are 0")
    return problems


def _whole(value: Any, at_least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= at_least
