"""Weights of the models: what there is, get them, check them.

`fetch` needs the network, once; the folder can then be copied to a machine without. It shows the licences first and
downloads nothing before --accept-licences says that you have read and accepted them: they bind whoever runs the
models. What was fetched is pinned by commit and sha256 in FOLDER/manifest.json. Repositories marked "gated" also need a
token of someone who accepted the licence on the hub, in the variable HF_TOKEN.

    python -m generation weights list
    python -m generation weights fetch SD1.5 SDXL --accept-licences
    python -m generation weights verify
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from generation.catalogue.models import Generators, read_generators
from generation.catalogue.sources import Diffusers
from generation.problems import InvalidInput
from generation.render.options import add_catalogue
from generation.render.weights import acknowledge, fetch, parts_of, read_manifest, unacknowledged, verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `weights`."""
    tasks = parser.add_subparsers(dest="task", required=True, metavar="{list,fetch,verify}")
    listing = tasks.add_parser("list", help="models, repositories, licences, and what is here")
    getting = tasks.add_parser("fetch", help="download what is missing")
    checking = tasks.add_parser("verify", help="compare every file with the manifest")
    for task in (listing, getting, checking):
        add_catalogue(task)
    getting.add_argument("generators", nargs="*", metavar="MODEL", help="names in the catalogue")
    getting.add_argument("--all", action="store_true", help="every model that has weights")
    getting.add_argument(
        "--accept-licences", action="store_true", help="you have read the licences shown and accept them"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do the task; returns the exit status."""
    entries = read_generators(arguments.catalogue)
    if arguments.task == "list":
        return _list(entries, arguments.weights)
    if arguments.task == "verify":
        return _verify(arguments.weights)
    return _fetch(entries, arguments)


def _list(entries: Generators, weights: Path) -> int:
    here = read_manifest(weights)
    for entry in entries.values():
        source = entry.source
        if not isinstance(source, Diffusers):
            print(f"{entry.name}: {'no source' if source is None else f'import only ({source.licence.name})'}")
            continue
        print(f"{entry.name}: {source.pipeline}, {source.dtype} on a GPU, about {source.memory:g} GB there")
        for part in source.all_weights:
            if part.folder is not None:
                state = "ships with this program" if part.folder.is_dir() else f"MISSING: {part.folder}"
            elif part.place in here:
                size = sum(file["bytes"] for file in here[part.place]["files"].values())
                state = f"here, {size / 1e9:.2f} GB, commit {here[part.place]['commit'][:12]}"
            else:
                state = "not here"
            gated = ", gated" if part.gated else ""
            print(f"  {part.repository}@{part.revision}: {state}; {part.licence.name}{gated}, {part.licence.url}")
    return 0


def _fetch(entries: Generators, arguments: argparse.Namespace) -> int:
    names = arguments.generators
    if arguments.all:
        names = [entry.name for entry in entries.values() if isinstance(entry.source, Diffusers)]
    if not names:
        raise InvalidInput("name the models to fetch, or give --all; `python -m generation weights list` shows them")
    parts = parts_of(entries, names)
    new = unacknowledged(arguments.weights, parts)
    for weights in new:
        print(f"{weights.repository}: {weights.licence.name}, {weights.licence.url}")
    if new and not arguments.accept_licences:
        raise InvalidInput(
            f"nothing was downloaded: read the {len(new)} licences above, then give --accept-licences to accept them"
        )
    if new:
        acknowledge(arguments.weights, new)
    for part in parts:
        entry = fetch(part, arguments.weights)
        size = sum(file["bytes"] for file in entry["files"].values())
        print(f"{part.weights.repository}: {len(entry['files'])} files, {size / 1e9:.3f} GB, commit {entry['commit']}")
    return 0


def _verify(weights: Path) -> int:
    faults = 0
    checked = list(verify(weights))
    for place, problems in checked:
        print(f"{place}: {'all files are those of the manifest' if not problems else f'{len(problems)} faults'}")
        for problem in problems:
            print(problem, file=sys.stderr)
        faults += len(problems)
    if not checked:
        print(f"{weights}: nothing was fetched into it")
    return 1 if faults else 0
