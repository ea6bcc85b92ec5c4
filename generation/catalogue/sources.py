"""Where the images of a model come from: weights that diffusers runs here, or files that people bring.

In the YAML file of a catalogue it is the key `source` of an entry:

    source:
      pipeline: StableDiffusionPipeline   # class of diffusers
      repository: owner/name              # on the Hugging Face Hub; or folder: PATH, relative to the YAML file
      revision: main                      # branch, tag or commit. What was fetched is pinned by the weights' manifest
      licence: {name: ..., url: ...}      # shown, and acknowledged before the first download
      gated: false                        # whether the hub asks for a token of someone who accepted the licence there
      scheduler: LCMScheduler             # instead of the repository's own, with its settings
      lora: {repository: ..., licence: {...}}   # fused into the U-Net
      stages: [{pipeline: ..., repository: ..., licence: {...}, scale: 4, iterations: 50, cfg: 4.0,
               call: {...}}]              # super-resolution of what `pipeline` makes, in this order
      dtype: float16                      # on a GPU; on a CPU and on MPS float32 is used
      memory: 10                          # GB of GPU memory that the weights and one image need, roughly
      max_batch: 8                        # images at a time where there is memory enough
      call: {use_resolution_binning: true}      # further arguments of the pipeline

    source: {provider: import, licence: {name: ..., url: ...}}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

DTYPES = ("float16", "bfloat16", "float32")
_DIFFUSERS_KEYS = {
    "provider", "pipeline", "repository", "folder", "revision", "licence", "gated", "scheduler", "lora", "stages",
    "dtype", "memory", "max_batch", "call",
}  # fmt: skip
_WEIGHTS_KEYS = {"repository", "folder", "revision", "licence", "gated"}
_STAGE_KEYS = _WEIGHTS_KEYS | {"pipeline", "scale", "iterations", "cfg", "call"}


@dataclass(frozen=True)
class Licence:
    """What whoever runs the model agrees to, and where it can be read."""

    name: str
    url: str


@dataclass(frozen=True)
class Weights:
    """A repository of the hub at a revision, or a folder that is there already (then `folder` is not None)."""

    repository: str
    revision: str
    licence: Licence
    gated: bool = False
    folder: Path | None = None

    @property
    def place(self) -> str:
        """Its folder below that of all weights."""
        return f"{self.repository.replace('/', '--')}@{self.revision}"


@dataclass(frozen=True)
class Stage:
    """Super-resolution by `scale`, with steps and guidance of its own, which never vary."""

    weights: Weights
    pipeline: str
    scale: int
    iterations: int
    cfg: float
    call: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Diffusers:
    """A model that runs here."""

    weights: Weights
    pipeline: str
    scheduler: str | None = None
    lora: Weights | None = None
    stages: tuple[Stage, ...] = ()
    dtype: str = "float16"
    memory: float = 0
    max_batch: int = 8
    call: Mapping[str, Any] = field(default_factory=dict)

    @property
    def all_weights(self) -> tuple[Weights, ...]:
        """Everything that must be on this machine before it runs."""
        lora = () if self.lora is None else (self.lora,)
        return (self.weights, *lora, *(stage.weights for stage in self.stages))

    @property
    def scale(self) -> int:
        """How much larger the stages make what the first pipeline draws."""
        return prod(stage.scale for stage in self.stages)


@dataclass(frozen=True)
class Imported:
    """A service without a way to run it here: its images are brought as files."""

    licence: Licence


Source = Diffusers | Imported


def read_source(content: Any, base: Path) -> tuple[Source | None, list[str]]:
    """The source that the key `source` of a YAML entry states, and what is wrong with it.

    Folders are relative to `base`. Nothing at all is no source: the entry can be planned, not rendered.
    """
    if content is None:
        return None, []
    if not isinstance(content, dict):
        return None, [f"source must hold keys with values, not {content!r}"]
    problems = [f"source: {problem}" for problem in _problems(content)]
    if problems:
        return None, problems
    if content.get("provider") == "import":
        return Imported(_licence(content)), []
    return (
        Diffusers(
            weights=_weights(content, base),
            pipeline=content["pipeline"],
            scheduler=content.get("scheduler"),
            lora=_weights(content["lora"], base) if content.get("lora") else None,
            stages=tuple(_stage(stage, base) for stage in content.get("stages") or ()),
            dtype=content.get("dtype", "float16"),
            memory=content.get("memory", 0),
            max_batch=content.get("max_batch", 8),
            call=content.get("call") or {},
        ),
        [],
    )


def _stage(content: Mapping[str, Any], base: Path) -> Stage:
    return Stage(
        weights=_weights(content, base),
        pipeline=content["pipeline"],
        scale=content["scale"],
        iterations=content["iterations"],
        cfg=content["cfg"],
        call=content.get("call") or {},
    )


def _weights(content: Mapping[str, Any], base: Path) -> Weights:
    folder = (base / content["folder"]).resolve() if content.get("folder") else None
    return Weights(
        repository=content.get("repository") or Path(content["folder"]).name,
        revision=str(content.get("revision", "main")),
        licence=_licence(content),
        gated=content.get("gated", False),
        folder=folder,
    )


def _licence(content: Mapping[str, Any]) -> Licence:
    return Licence(content["licence"]["name"], content["licence"]["url"])


def _problems(content: dict[str, Any]) -> Iterator[str]:
    provider = content.get("provider", "diffusers")
    if provider == "import":
        yield from _unknown(content, {"provider", "licence"})
        yield from _licence_problems(content)
        return
    if provider != "diffusers":
        yield f"provider must be diffusers or import, not {provider!r}"
        return
    yield from _unknown(content, _DIFFUSERS_KEYS)
    yield from _weights_problems(content)
    yield from _class_problems(content, "pipeline", "Pipeline", required=True)
    yield from _class_problems(content, "scheduler", "Scheduler", required=False)
    if content.get("lora") is not None:
        yield from _part_problems("lora", content["lora"], _WEIGHTS_KEYS)
    stages = content.get("stages") or []
    if not isinstance(stages, list):
        yield "stages must be a list"
        stages = []
    for number, stage in enumerate(stages, start=1):
        yield from _part_problems(f"stage {number}", stage, _STAGE_KEYS)
    if content.get("dtype", DTYPES[0]) not in DTYPES:
        yield f"dtype must be one of {', '.join(DTYPES)}, not {content['dtype']!r}"
    if not _whole(content.get("max_batch", 8)):
        yield f"max_batch must be a whole number from 1, not {content['max_batch']!r}"
    if not _positive(content.get("memory", 1)):
        yield f"memory must be a number of GB above 0, not {content['memory']!r}"
    yield from _call_problems(content)


def _part_problems(name: str, part: Any, known: set[str]) -> Iterator[str]:
    if not isinstance(part, dict):
        yield f"{name} must hold keys with values, not {part!r}"
        return
    found = [*_unknown(part, known), *_weights_problems(part)]
    if known is _STAGE_KEYS:
        found += _class_problems(part, "pipeline", "Pipeline", required=True)
        found += [
            f"{key} must be a whole number from 1" for key in ("scale", "iterations") if not _whole(part.get(key))
        ]
        found += [] if _positive(part.get("cfg")) else ["cfg must be a number above 0"]
        found += _call_problems(part)
    yield from (f"{name}: {problem}" for problem in found)


def _weights_problems(content: dict[str, Any]) -> Iterator[str]:
    repository, folder = content.get("repository"), content.get("folder")
    if (repository is None) == (folder is None):
        yield "give either repository: owner/name or folder: PATH"
    elif repository is not None and not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", str(repository)):
        yield f"repository must be owner/name, not {repository!r}"
    if not re.fullmatch(r"[\w-][\w.-]*", str(content.get("revision", "main"))):
        yield f"revision must be a branch, tag or commit of letters, digits, `.`, `_`, `-`, not {content['revision']!r}"
    if not isinstance(content.get("gated", False), bool):
        yield f"gated must be true or false, not {content['gated']!r}"
    yield from _licence_problems(content)


def _licence_problems(content: dict[str, Any]) -> Iterator[str]:
    licence = content.get("licence")
    if not isinstance(licence, dict) or set(licence) != {"name", "url"} or not all(map(_text, licence.values())):
        yield "licence must be {name: ..., url: ...}"


def _call_problems(content: dict[str, Any]) -> Iterator[str]:
    if not isinstance(content.get("call") or {}, dict):
        yield f"call must hold arguments with values, not {content['call']!r}"


def _class_problems(content: dict[str, Any], key: str, ending: str, *, required: bool) -> Iterator[str]:
    name = content.get(key)
    if (name is not None or required) and not re.fullmatch(rf"[A-Z]\w*{ending}", str(name)):
        yield f"{key} must be a class of diffusers whose name ends in {ending}, not {name!r}"


def _unknown(content: dict[str, Any], known: set[str]) -> Iterator[str]:
    yield from (f"unknown key {key!r}; known are {', '.join(sorted(known))}" for key in content if key not in known)


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
