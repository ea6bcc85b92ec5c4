"""Weights on this machine: fetched from the hub once, then used and verified without a network.

    WEIGHTS/manifest.json           {place: {repository, revision, commit, files: {path: {bytes, sha256}}}}
    WEIGHTS/licences.json           what was acknowledged, by repository, and when
    WEIGHTS/owner--name@revision/   the files

The folder can be copied to a machine without a network; `verify` says there whether it arrived whole. Only what the
catalogue's pipelines load is fetched: their components, as safetensors (half precision where the repository has it),
never pickles.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from typing import Any

from generation.catalogue.models import Generators
from generation.catalogue.sources import Diffusers, Weights
from generation.files import whole_file
from generation.problems import InvalidInput

MANIFEST, LICENCES = "manifest.json", "licences.json"
INDEX = "model_index.json"
NOT_LOADED = ("safety_checker", "feature_extractor", "watermarker")
_TEXTS = (".json", ".txt", ".model")
_ENCODER = ("text_encoder", "tokenizer")


@dataclass(frozen=True)
class Part:
    """A repository that must be here, and the components of it that nobody loads."""

    weights: Weights
    without: tuple[str, ...] = NOT_LOADED


def parts_of(entries: Generators, names: Iterable[str]) -> list[Part]:
    """The repositories of the named generators, each once; not those that ship as folders.

    Raises InvalidInput for names that are not in the catalogue or have nothing to fetch.
    """
    found: dict[str, Part] = {}
    problems = []
    for name in names:
        source = entries[name].source if name in entries else None
        if not isinstance(source, Diffusers):
            known = ", ".join(entry.name for entry in entries.values() if isinstance(entry.source, Diffusers))
            problems.append(f"{name!r} is no generator with weights; those with weights are: {known}")
            continue
        # The stages of IF get the text as the first one encoded it: their own copies of T5 are 10 GB each.
        shared = {
            stage.weights.place
            for stage in source.stages
            if stage.pipeline.startswith("IF") and source.pipeline.startswith("IF")
        }
        for weights in source.all_weights:
            if weights.folder is None:
                without = NOT_LOADED + (_ENCODER if weights.place in shared else ())
                found.setdefault(weights.place, Part(weights, without))
    if problems:
        raise InvalidInput(*problems)
    return list(found.values())


def read_manifest(weights: Path) -> dict[str, Any]:
    """What was fetched, by place; empty when nothing was. Raises InvalidInput when it cannot be read."""
    content = _read(weights / MANIFEST)
    return content if isinstance(content, dict) else {}


def pinned(weights: Path, part: Weights) -> str:
    """The commit that was fetched, else the revision that the catalogue names."""
    return str(read_manifest(weights).get(part.place, {}).get("commit", part.revision))


def unacknowledged(weights: Path, parts: Iterable[Part]) -> list[Weights]:
    """The repositories whose licence nobody has acknowledged in this folder."""
    known = {(entry["repository"], entry["licence"]) for entry in _read(weights / LICENCES) or []}
    return [part.weights for part in parts if (part.weights.repository, part.weights.licence.name) not in known]


def acknowledge(weights: Path, parts: Sequence[Weights]) -> None:
    """Record that whoever runs this machine has read and accepted the licences of these repositories."""
    now = datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="seconds")  # noqa: TID251  no Django here
    entries = _read(weights / LICENCES) or []
    entries += [
        {"repository": part.repository, "licence": part.licence.name, "url": part.licence.url, "acknowledged": now}
        for part in parts
    ]
    _write(weights / LICENCES, entries)


def fetch(part: Part, weights: Path) -> dict[str, Any]:
    """Download what is missing of a repository, check it, note it in the manifest; returns its entry.

    Takes up an interrupted download. A commit that the manifest has pinned is fetched again, not what the branch has
    become; delete the entry to follow the branch. Needs an acknowledged licence and, for a gated repository, HF_TOKEN.
    Raises InvalidInput saying what is missing, OSError when the network or the disk fails.
    """
    if unacknowledged(weights, [part]):
        licence = part.weights.licence
        raise InvalidInput(f"{part.weights.repository}: its licence {licence.name} ({licence.url}) is not acknowledged")
    from httpx2 import HTTPError
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    repository, target = part.weights.repository, weights / part.weights.place
    try:
        listing = HfApi().model_info(repository, revision=pinned(weights, part.weights), files_metadata=True)
        listed = {file.rfilename: file for file in listing.siblings or []}

        def get(name: str) -> Path:
            return Path(hf_hub_download(repository, name, revision=listing.sha, local_dir=target))

        components = _components(json.loads(get(INDEX).read_text("utf-8"))) if INDEX in listed else None
        files = {}
        for name in wanted_files(listed, components, part.without):
            path = get(name)
            digest = _digest(path)
            lfs = listed[name].lfs
            if lfs is not None and lfs.sha256 != digest:
                path.unlink()
                raise InvalidInput(f"{path}: is not what the hub says it is (sha256) and was deleted; fetch again")
            files[name] = {"bytes": path.stat().st_size, "sha256": digest}
    except GatedRepoError:
        raise InvalidInput(
            f"{repository}: the hub gives it only to those who accepted its licence there: open "
            f"{part.weights.licence.url}, accept, make a token and put it in the variable HF_TOKEN"
        ) from None
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise InvalidInput(
            f"{repository}@{part.weights.revision}: the hub has no such repository or revision"
        ) from None
    except HTTPError as error:
        raise OSError(f"{repository}: the hub cannot be reached: {' '.join(str(error).split())}") from error
    entry = {"repository": repository, "revision": part.weights.revision, "commit": listing.sha, "files": files}
    _write(weights / MANIFEST, {**read_manifest(weights), part.weights.place: entry})
    return entry


def wanted_files(listed: Iterable[str], components: Sequence[str] | None, without: Sequence[str]) -> list[str]:
    """Which files of a repository to fetch. components: the folders that its index names; None for a LoRA, which has
    no index and is one file."""
    names = sorted(listed)
    if components is None:
        return [name for name in names if "/" not in name and name.endswith(".safetensors")]
    loaded = [name for name in names if _folder(name) in set(components) - set(without)]
    tensors = [name for name in loaded if name.endswith(".safetensors") and "non_ema" not in name]
    half = [name for name in tensors if ".fp16" in PurePosixPath(name).name]
    if {_folder(name) for name in half} == {_folder(name) for name in tensors}:
        tensors = half
    else:
        tensors = [name for name in tensors if name not in half]
    return [INDEX, *(name for name in loaded if name.endswith(_TEXTS)), *tensors]


def verify(weights: Path) -> Iterator[tuple[str, list[str]]]:
    """(place, problems) of everything in the manifest: files that are missing or have another size or sha256."""
    for place, entry in sorted(read_manifest(weights).items()):
        problems = []
        for name, wanted in entry["files"].items():
            path = weights / place / name
            if not path.is_file():
                problems.append(f"{path}: is missing")
            elif path.stat().st_size != wanted["bytes"] or _digest(path) != wanted["sha256"]:
                problems.append(f"{path}: is damaged or another file; fetch or copy it again")
        yield place, problems


def _components(index: Mapping[str, Any]) -> list[str]:
    """The folders of a model_index.json: {"unet": ["diffusers", "UNet2DConditionModel"], ...}."""
    return [
        name
        for name, value in index.items()
        if not name.startswith("_") and isinstance(value, list) and len(value) == 2 and value[0]
    ]


def _folder(name: str) -> str:
    parent = PurePosixPath(name).parent.as_posix()
    return "" if parent == "." else parent


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InvalidInput(f"{path}: is not JSON ({error}); restore it, or delete it and fetch again") from None


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as stream:
        json.dump(content, stream, indent=1, ensure_ascii=False)
        stream.write("\n")
