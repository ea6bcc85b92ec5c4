"""Commands that keep something: tokens, data files, starter kits, receipts."""

from __future__ import annotations

import getpass
import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from aiqa import store
from aiqa.client import Client, is_path
from aiqa.download import Fetched, fetch
from aiqa.errors import Refused, WrongUsage
from aiqa.output import clean, table
from aiqa.session import Shown, find_challenge, find_phase, identifier

REFUSALS = {
    "not_yet": "it is not open yet",
    "not_signed_in": "sign in first: aiqa login",
    "not_registered": "join the challenge on the site first",
    "terms_changed": "the terms have changed: accept them on the site first",
    "gate_closed": "your team has not passed the gate of its phase",
}


def login(make_client: Callable[[str, str], Client], arguments: Namespace) -> Shown:
    """Check a token and store it. It is typed without an echo, or read from standard input; never an argument."""
    site = store.chosen_site(arguments.url, os.environ)
    parts = urlsplit(site)
    if parts.scheme == "http" and not store.is_local(parts.hostname or "") and not arguments.insecure:
        fix = "Use https, or --insecure where you know the network."
        raise WrongUsage("not_encrypted", f"{site} is not encrypted: everybody on the way could read the token.", fix)
    asks = sys.stdin.isatty()
    token = (getpass.getpass(f"Token (from {site}/account/tokens/): ") if asks else sys.stdin.readline()).strip()
    if not token or not token.isascii() or not token.isprintable():
        raise WrongUsage("no_token", "This is no token.", f"Copy it from {site}/account/tokens/ where it was made.")
    found = make_client(site, token).get("/token")
    path = store.remember(site, token, os.environ)
    ends = f", until {found['expires_at'][:10]}" if found["expires_at"] else ""
    text = f"Signed in to {site} as {clean(found['username'])} ({', '.join(found['scopes'])}{ends}). Stored in {path}."
    return Shown({"site": site, "credentials": str(path), **found}, text)


def logout(site: str) -> Shown:
    """Remove the stored token. It stays valid: revoke it on the site."""
    found = store.forget(site, os.environ)
    text = (
        f"Token for {site} removed; revoke it on {site}/account/tokens/" if found else f"No token for {site} is stored."
    )
    return Shown({"site": site, "removed": found}, text)


def files(client: Client, arguments: Namespace) -> Shown:
    """The data files of a challenge, and why some may not be had."""
    rows = _files(client, arguments.challenge)
    header = ["file", "title", "version", "MB", "may be had", "id"]
    shown = [
        [
            row["path"] or row["file_name"],
            row["title"],
            row["versions"][0]["number"],
            row["versions"][0]["size"] / 1e6,
            "yes" if row["url"] else REFUSALS.get(row["refusal"], row["refusal"]),
            row["id"],
        ]
        for row in rows
    ]
    return Shown(rows, table(header, shown) if rows else "This challenge has no data files.")


def download(client: Client, arguments: Namespace) -> Shown:
    """Data files of a challenge, each checked by its SHA-256."""
    if bool(arguments.file) == arguments.all:
        raise WrongUsage("which_files", "Which files?", "Name them, or take --all: aiqa files CHALLENGE lists them.")
    rows = _files(client, arguments.challenge)
    wanted = [row for row in rows if row["url"]] if arguments.all else [_named(rows, name) for name in arguments.file]
    fetched = [_download(client, row, arguments) for row in wanted]
    return Shown([one.to_dict() for one in fetched], "\n".join(map(_fetched_text, fetched)) or "Nothing to download.")


def _files(client: Client, slug: str) -> list[dict[str, Any]]:
    challenge = find_challenge(client, slug)
    return client.every(f"/challenges/{challenge['slug']}/files")


def _named(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    found = [row for row in rows if name in (row["id"], row["path"], row["file_name"])]
    if not found:
        known = ", ".join(row["path"] or row["file_name"] for row in rows) or "none"
        raise Refused("not_found", f"There is no file {name!r}.", f"There are: {known}.")
    if len(found) > 1:
        raise WrongUsage("which_file", f"Several files are called {name!r}.", "Give the id: aiqa files lists them.")
    return found[0]


def _download(client: Client, row: dict[str, Any], arguments: Namespace) -> Fetched:
    name = row["path"] or row["file_name"]
    versions = [one for one in row["versions"] if arguments.version in (None, one["number"])]
    if not versions:
        known = ", ".join(str(one["number"]) for one in row["versions"])
        raise Refused("not_found", f"{name} has no version {arguments.version}.", f"It has: {known}.")
    version = versions[0]
    if not version["url"] or not is_path(version["url"]):
        reason = REFUSALS.get(row["refusal"], str(row["refusal"]))
        raise Refused(row["refusal"] or "no_address", f"{name} may not be had: {reason}.")
    return fetch(
        client,
        version["url"],
        arguments.to / _safe(name),
        sha256=version["sha256"],
        size=version["size"],
        resume=arguments.resume,
        force=arguments.force,
    )


def _safe(name: str) -> Path:
    """A path below the folder of downloads, whatever the server says."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.name or "\0" in name or "\\" in name:
        raise Refused("unsafe_name", f"The server names a file {name!r}: it would be written outside of the folder.")
    return Path(path)


def _fetched_text(one: Fetched) -> str:
    if one.was_there:
        return f"{one.path}: was there already, SHA-256 as it should be"
    resumed = f", resumed at {one.resumed_from}" if one.resumed_from else ""
    return f"{one.path}: {one.size} bytes{resumed}, SHA-256 {one.sha256}"


def kit(client: Client, arguments: Namespace) -> Shown:
    """The starter kit of a phase: instructions, names, a sample file, the scorer."""
    phase = find_phase(client, arguments.phase)
    if not phase["starter_kit_url"] or not is_path(phase["starter_kit_url"]):
        fix = "Sign in and join the challenge; the kit comes with the opening of the phase."
        raise Refused("no_kit", "There is no starter kit of this phase for you now.", fix)
    target = arguments.to / _safe(f"{phase['challenge']}-{phase['slug']}-starter-kit.zip")
    fetched = fetch(client, phase["starter_kit_url"], target, force=arguments.force)
    return Shown(fetched.to_dict(), _fetched_text(fetched))


def receipt(client: Client, arguments: Namespace) -> Shown:
    """The signed receipts of a submission, one file each, as the server wrote them."""
    name = identifier(arguments.submission, "submission")
    receipts = client.every(f"/submissions/{name}/receipts")
    if not receipts:
        raise Refused("no_receipt", "There is no receipt yet.", "Ask the organisers: this server may not sign any.")
    arguments.to.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, one in enumerate(receipts):
        path = (
            arguments.to / f"receipt-{name}-{'accepted' if one['receipt'].get('kind') == 'accepted' else number}.json"
        )
        path.write_text(json.dumps(one, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        paths.append(str(path))
    return Shown({"files": paths, "receipts": receipts}, "\n".join(paths))


def verify_receipt(client: Callable[[], Client], arguments: Namespace) -> Shown:
    """Whether a receipt is genuine; without `keys` by the keys that the site publishes."""
    try:
        from scoring.cli import main
    except ImportError as error:
        raise WrongUsage("scoring_missing", f"This needs the package scoring: {error}.", "Install it.") from error

    with TemporaryDirectory() as folder:
        keys = arguments.keys
        if keys is None:
            there = client()
            address = urlsplit(there.site).path + "/.well-known/receipt-keys.json"
            keys = Path(folder) / "receipt-keys.json"
            keys.write_bytes(there.call("GET", address, read=lambda answer: answer.read()))
        options = ["--key", str(keys)]
        options += ["--file", str(arguments.file)] if arguments.file else []
        options += ["--json"] if arguments.json else []
        return Shown(None, status=main(["verify-receipt", str(arguments.receipt), *options]))
