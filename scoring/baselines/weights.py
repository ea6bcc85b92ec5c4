"""Weight files: which are missing, fetching them on a host with a network, and checking them before they are read.

All lie in one folder, laid out as PyTorch's and Hugging Face's caches are (`hub/...`, `hf/...`), so that pyiqa finds
them there; `weights.json` in it records the SHA-256 of each. To move them to a host without a network, copy the folder.

Contract: nothing reads a weight file that `require` has not passed: its digest is the publisher's where one is stated,
else the one recorded when it was fetched or accepted. A pickle is code: a file from elsewhere must be compared with its
publisher's before `accept`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoring.baselines.files import write_whole
from scoring.baselines.metric import MetricUnavailable
from scoring.baselines.registry import MetricInfo, WeightFile

DEFAULT_FOLDER = Path("var/baseline-weights")
MANIFEST = "weights.json"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Check:
    """State of one file: "ok", "missing", "wrong" (another digest) or "unknown" (nothing to compare it with)."""

    file: str
    state: str
    sha256: str = ""
    expected: str = ""


def check(info: MetricInfo, folder: Path) -> list[Check]:
    """The state of each file of a metric; a repository that is not there at all counts as one file."""
    recorded = _read_manifest(folder)
    checks = []
    for entry in info.weights:
        found = list(_files(entry, folder))
        if not found:
            checks.append(Check(entry.path, "missing"))
        for path in found:
            name, digest = _name(path, folder), sha256_of(path)
            expected = entry.sha256 or recorded.get(name, {}).get("sha256", "")
            state = "unknown" if not expected else "ok" if digest.startswith(expected) else "wrong"
            checks.append(Check(name, state, digest, expected))
    return checks


def require(info: MetricInfo, folder: Path) -> dict[str, str]:
    """{file: SHA-256} of a metric's weights. Raises MetricUnavailable unless all are there and as they should be."""
    checks = check(info, folder)
    bad = [one for one in checks if one.state != "ok"]
    if bad:
        advice = {
            "missing": f"fetch it on a host with a network: python -m scoring baselines weights fetch {info.name}",
            "wrong": "it is not the published file: remove it and fetch it anew",
            "unknown": f"compare it with its publisher's, then: python -m scoring baselines weights accept {info.name}",
        }
        lines = [f"{folder / one.file}: {one.state}; {advice[one.state]}" for one in bad]
        raise MetricUnavailable(f"{info.title} cannot run:\n" + "\n".join(lines))
    return {one.file: one.sha256 for one in checks}


def accept(info: MetricInfo, folder: Path) -> list[Check]:
    """Record the digest of each file that has none to be compared with; returns those. Wrong files stay wrong."""
    unknown = [one for one in check(info, folder) if one.state == "unknown"]
    _record(folder, {one.file: {"sha256": one.sha256, "bytes": (folder / one.file).stat().st_size} for one in unknown})
    return unknown


def fetch(info: MetricInfo, folder: Path, told: Callable[[str], None] = lambda line: None) -> None:
    """Get the files that are not there and record their digests; `told` hears a line for each.

    Raises MetricUnavailable when one cannot be had, or is not the one its publisher names.
    """
    for entry in info.weights:
        if any(_files(entry, folder)):
            continue
        if entry.repo:
            told(f"{entry.repo}: fetching")
            _fetch_repository(entry, folder)
        elif entry.url:
            told(f"{entry.url}: fetching")
            _fetch_file(entry, folder)
        else:
            raise MetricUnavailable(f"{folder / entry.file} must be put there by hand ({entry.licence})")
        accept(info, folder)
    for one in check(info, folder):
        if one.state == "wrong":
            raise MetricUnavailable(f"{folder / one.file}: SHA-256 {one.sha256}, not {one.expected}: it was refused")


def sha256_of(path: Path) -> str:
    """Hexadecimal digest of a file, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def use_folder(folder: Path) -> None:
    """Make PyTorch, Hugging Face and pyiqa look for weights in this folder only, and never on the network.

    They read their settings when they are imported; in those that are here already, what they read is set as well.
    """
    os.environ.update(TORCH_HOME=str(folder), HF_HOME=str(folder / "hf"), HF_HUB_OFFLINE="1")
    cache = folder / "hub" / "pyiqa"
    cache.mkdir(parents=True, exist_ok=True)  # LIQE writes there
    for name, module in list(sys.modules.items()):
        if name.startswith("pyiqa.") and hasattr(module, "DEFAULT_CACHE_DIR"):
            vars(module)["DEFAULT_CACHE_DIR"] = str(cache)
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is not None:
        vars(constants).update(HF_HUB_CACHE=str(folder / "hf" / "hub"), HF_HUB_OFFLINE=True)
    for repository in (folder / "hf" / "hub").glob("models--*"):
        _point_at_snapshot(repository)


def _point_at_snapshot(repository: Path) -> None:
    """Offline, huggingface_hub finds a snapshot by refs/main only, which a copy by hand may lack."""
    reference = repository / "refs" / "main"
    snapshots = sorted((repository / "snapshots").glob("*"))
    if snapshots and not reference.exists():
        reference.parent.mkdir(exist_ok=True)
        write_whole(reference, snapshots[-1].name.encode())


def _name(path: Path, folder: Path) -> str:
    """Below the weights folder; as it is for what lies elsewhere, as the results of fine-tuning do."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _files(entry: WeightFile, folder: Path) -> Iterator[Path]:
    if entry.file:
        yield from (path for path in (folder / entry.file,) if path.is_file())
    else:
        yield from sorted(path for path in (folder / entry.path / "snapshots").rglob("*") if path.is_file())


def _fetch_file(entry: WeightFile, folder: Path) -> None:
    target = folder / entry.file
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    digest = hashlib.sha256()
    try:
        # The addresses are those of the registry, all https.
        with urllib.request.urlopen(entry.url, timeout=60) as response, part.open("wb") as stream:  # noqa: S310
            while block := response.read(_BLOCK):
                digest.update(block)
                stream.write(block)
        if not digest.hexdigest().startswith(entry.sha256):
            raise MetricUnavailable(f"{entry.url}: SHA-256 {digest.hexdigest()}, not {entry.sha256}: it was refused")
        part.replace(target)
    except (urllib.error.URLError, OSError) as error:
        raise MetricUnavailable(f"{entry.url}: {error}") from None
    finally:
        part.unlink(missing_ok=True)


def _fetch_repository(entry: WeightFile, folder: Path) -> None:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError:
        raise MetricUnavailable(f"{entry.repo}: huggingface_hub is needed to fetch it (make gpu)") from None
    try:
        snapshot_download(entry.repo, cache_dir=folder / "hf" / "hub", allow_patterns=list(entry.only) or None)
    except (HfHubHTTPError, OSError) as error:
        raise MetricUnavailable(f"{entry.repo}: {error}") from None


def _read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / MANIFEST
    if not path.exists():
        return {}
    try:
        manifest: dict[str, dict[str, Any]] = json.loads(path.read_bytes())
    except ValueError:
        raise MetricUnavailable(f"{path} is damaged: remove it, then accept or fetch the weights again") from None
    return manifest


def _record(folder: Path, entries: dict[str, dict[str, Any]]) -> None:
    if entries:
        manifest = _read_manifest(folder) | entries
        write_whole(folder / MANIFEST, json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n")
