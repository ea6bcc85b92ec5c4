"""Which baseline metrics there are, what each needs and what it does to an image: registry.toml, and files like it.

A further file adds metrics without code, most of all those that pyiqa knows by name:

    [qualiclip]
    title = "QualiCLIP"
    pyiqa = "qualiclip"

Direction and range are then pyiqa's own, asked when the metric is first used. Contract: `read_metrics` raises
InvalidRegistry with every fault; importing this module imports neither torch nor pyiqa.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from scoring.baselines.metric import Metric, Setting

GROUPS = ("perception", "alignment")
_PYIQA = "scoring.baselines.pyiqa_metric:PyiqaMetric"


class InvalidRegistry(ValueError):
    """A file of metrics cannot be used; the message lists every fault."""


@dataclass(frozen=True)
class WeightFile:
    """A file at `file` in the weights folder, or the files of a Hugging Face repository (`repo`, all or `only` some).

    sha256: the whole digest or its first digits, as the publisher states it; "" where none is stated. url: where
    `weights fetch` gets it; "" where it can only be put there by hand.
    """

    file: str = ""
    url: str = ""
    sha256: str = ""
    repo: str = ""
    only: tuple[str, ...] = ()
    licence: str = ""

    @property
    def path(self) -> str:
        """Below the weights folder: the file, or the repository's folder in the cache of huggingface_hub."""
        return self.file or f"hf/hub/models--{self.repo.replace('/', '--')}"

    def locate(self, folder: Path) -> Path:
        """The file, or the folder with the repository's files (its newest snapshot)."""
        path = folder / self.path
        return path if self.file else max((path / "snapshots").glob("*"), default=path)


@dataclass(frozen=True)
class MetricInfo:
    """A metric. paper: its name in the paper's tables, "" when it is not there. min_side: of the shorter side, pixels.

    lower_is_better: the raw values' direction; None where pyiqa says it. code: "module:class", imported when used.
    """

    name: str
    title: str
    source: str
    group: str
    range: str
    preprocessing: str
    licence: str
    code: str
    paper: str = ""
    lower_is_better: bool | None = False
    needs_prompt: bool = False
    min_side: int = 1
    batch_size: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: tuple[WeightFile, ...] = ()

    def oriented(self, raw: float) -> float:
        """A raw value as a score, for which higher is better. Nothing else in the package turns values round."""
        if self.lower_is_better is None:
            raise ValueError(f"the direction of {self.name} is not known before it is loaded")
        return -raw if self.lower_is_better else raw

    def load(self, weights: Path, device: str) -> Metric:
        """The metric itself, ready to score. Raises MetricUnavailable."""
        module, _, name = self.code.partition(":")
        files = tuple(entry.locate(weights) for entry in self.weights)
        metric: Metric = getattr(import_module(module), name)(Setting(weights, device, self.options, files))
        if self.batch_size is not None:
            metric.batch_size = min(metric.batch_size, self.batch_size)
        return metric


@cache
def built_in() -> dict[str, MetricInfo]:
    """The metrics of registry.toml, by name."""
    return _read(Path(__file__).with_name("registry.toml"))


def read_metrics(*more: Path) -> dict[str, MetricInfo]:
    """The built-in metrics and those of further files; a name may be defined once. Raises InvalidRegistry."""
    metrics = dict(built_in())
    for path in more:
        for name, info in _read(path).items():
            if name in metrics:
                raise InvalidRegistry(f"{path}: there is a metric {name} already: choose another name")
            metrics[name] = info
    return metrics


def find_metric(name: str, metrics: Mapping[str, MetricInfo] | None = None) -> MetricInfo:
    """A metric by its name, or by the paper's ("hps" is hps_v1). Raises KeyError that lists the known ones."""
    known = built_in() if metrics is None else metrics
    if name in known:
        return known[name]
    for info in known.values():
        if info.paper == name:
            return info
    raise KeyError(f"unknown metric {name!r}; known are {', '.join(known)}")


def resolved(info: MetricInfo) -> MetricInfo:
    """The metric with its direction: pyiqa is asked where the file leaves that to it. Raises MetricUnavailable."""
    if info.lower_is_better is not None:
        return info
    from scoring.baselines.pyiqa_metric import describe

    lower_is_better, scale = describe(info.options["pyiqa"])
    return replace(info, lower_is_better=lower_is_better, range=info.range or scale)


def _read(path: Path) -> dict[str, MetricInfo]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidRegistry(f"{path}: not TOML: {error}") from None
    faults: list[str] = []
    metrics = {}
    for name, table in tables.items():
        found = _faults(name, table)
        if found:
            faults += [f"{path}: [{name}] {fault}" for fault in found]
        else:
            metrics[name] = _info(name, table)
    if faults:
        raise InvalidRegistry("\n".join(faults))
    return metrics


def _faults(name: str, table: Any) -> list[str]:
    if not isinstance(table, dict):
        return ["is not a table: write it as [name] and the fields below it"]
    faults = []
    known = set(MetricInfo.__dataclass_fields__) - {"name"} | {"pyiqa"}
    faults += [f"unknown field {key!r}; known are {', '.join(sorted(known))}" for key in table if key not in known]
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.+-]*", name):
        faults.append("the name may hold a-z, 0-9 and _ . + - only")
    if "pyiqa" not in table and "code" not in table:
        faults.append('needs pyiqa = "its name there", or code = "module:class"')
    if table.get("group", GROUPS[0]) not in GROUPS:
        faults.append(f"group is one of {', '.join(GROUPS)}")
    for entry in table.get("weights", []):
        if set(entry) - set(WeightFile.__dataclass_fields__) or bool(entry.get("file")) == bool(entry.get("repo")):
            faults.append("each of its weights has either file or repo, and may have url, sha256, only, licence")
    return faults


def _info(name: str, table: dict[str, Any]) -> MetricInfo:
    fields = dict(table)
    weights = tuple(
        WeightFile(**{**entry, "only": tuple(entry.get("only", ()))}) for entry in fields.pop("weights", ())
    )
    pyiqa = fields.pop("pyiqa", None)
    if pyiqa is not None:
        fields = {"code": _PYIQA, "lower_is_better": None, "licence": "pyiqa (PolyForm Noncommercial)"} | fields
        fields["options"] = {"pyiqa": pyiqa} | fields.get("options", {})
    defaults = {"title": name, "source": "", "group": GROUPS[0], "range": "", "preprocessing": "", "licence": ""}
    return MetricInfo(**(defaults | fields | {"name": name, "weights": weights}))
