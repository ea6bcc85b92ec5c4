"""Commands that send: validate, submit, withdraw, choose."""

from __future__ import annotations

import hashlib
import json
import uuid
import zipfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiqa.client import Client, read_json, wait
from aiqa.errors import OK, REFUSED, Refused, WrongUsage
from aiqa.output import Bar, clean, report_lines
from aiqa.reading import scores_text
from aiqa.session import Shown, find_phase, identifier, say

CHUNK_BYTES = 1 << 16
LARGEST_FILE = 256_000_000  # bytes; more is no prediction file, and it is read into memory
METHOD = ("method_name", "description", "runtime_s", "device", "extra_data")
FIRST_POLL, LONGEST_POLL = 0.5, 5.0  # seconds


def validate(client: Callable[[], Client], arguments: Namespace) -> Shown:
    """Every error of a prediction file by line: here with a list of names, without a network, or on the server."""
    if (arguments.names is None) == (arguments.phase is None):
        fix = "--names names.csv (or the starter kit) works without a network; --phase CHALLENGE/PHASE asks the server."
        raise WrongUsage("names_or_phase", "Against which names? Give either --names or --phase.", fix)
    if arguments.names is not None:
        return _validate_here(arguments.file, arguments.names, as_json=arguments.json)
    there = client()
    phase = find_phase(there, arguments.phase)
    report, _ = _upload(there, f"/phases/{phase['id']}/validate", arguments.file, {}, "")
    return Shown(report, report_lines(report, arguments.file), OK if report["ok"] else REFUSED)


def _validate_here(path: Path, names: Path, *, as_json: bool) -> Shown:
    """What `python -m scoring validate` says; the names may be in a starter kit."""
    try:
        from scoring.cli import main
    except ImportError as error:
        fix = "Install numpy, or ask the server with --phase."
        raise WrongUsage("scoring_missing", f"Checking here needs the package scoring: {error}.", fix) from error

    path.open("rb").close()  # a file that cannot be read is said so by its own name
    with TemporaryDirectory() as folder:
        if zipfile.is_zipfile(names):
            with zipfile.ZipFile(names) as kit:
                if "names.csv" not in kit.namelist():
                    raise Refused(
                        "no_names", f"{names} holds no names.csv.", "Give the starter kit or a list of names."
                    )
                names = Path(kit.extract("names.csv", folder))
        options = ["--json"] if as_json else []
        return Shown(None, status=main(["validate", "--predictions", str(path), "--names", str(names), *options]))


def submit(client: Client, arguments: Namespace) -> Shown:
    """Send a prediction file; with `wait` until it is scored.

    The idempotency key follows from phase, file and what is said of the method: the same command again, after whatever
    broke, finds the submission it made. `again` makes another one of the same file.
    """
    phase = find_phase(client, arguments.phase)
    method = {name: str(getattr(arguments, name)) for name in METHOD if getattr(arguments, name) is not None}
    key = idempotency_key(phase["id"], arguments.file.read_bytes(), method, again=arguments.again)
    row, replayed = _upload(client, f"/phases/{phase['id']}/submissions", arguments.file, method, key)
    if replayed:
        say(f"this file was accepted before, at {row['received_at'][:19]} UTC; it is not sent a second time")
    else:
        say(f"accepted as {row['id']}")
    if arguments.wait:
        row = _wait(client, row, is_ladder=phase["release_rule"] == "ladder")
    return _submitted(row, replayed, waited=arguments.wait)


def _submitted(row: dict[str, Any], replayed: bool, *, waited: bool) -> Shown:
    is_lost = row["status"] in ("failed", "withdrawn")
    text = f"{row['id']} {row['status']}"
    if waited and not is_lost:
        text += "\n" + scores_text(row, (row["evaluation"] or {}).get("intervals") or {})[0]
    if is_lost:
        text += f"\n{clean(row['failure'])}".rstrip() + "\nTo send the same file anew: aiqa submit --again ..."
    return Shown({"replayed": replayed, "submission": row}, text, REFUSED if is_lost else OK)


def idempotency_key(phase: str, content: bytes, method: dict[str, str], *, again: bool) -> str:
    """The same for the same file and words in the same phase; with `again` a new one each time it is asked for."""
    said = json.dumps([phase, hashlib.sha256(content).hexdigest(), method, uuid.uuid4().hex if again else ""])
    return "aiqa-" + hashlib.sha256(said.encode()).hexdigest()


def withdraw(client: Client, arguments: Namespace) -> Shown:
    """Take a submission back before it is scored."""
    row = client.post(f"/submissions/{identifier(arguments.submission, 'submission')}/withdraw")
    return Shown(row, f"{row['id']} {row['status']}; the quota was given back.")


def choose(client: Client, arguments: Namespace) -> Shown:
    """Make a scored submission the one that counts for the team."""
    row = client.post(f"/submissions/{identifier(arguments.submission, 'submission')}/choose")
    return Shown(row, f"{row['id']} now counts for {clean(row['team'])}.")


def _wait(client: Client, row: dict[str, Any], *, is_ladder: bool) -> dict[str, Any]:
    """The submission once nothing more comes of it: final, and on a Ladder released."""
    pause, status = FIRST_POLL, row["status"]
    while not row["is_final"] or (is_ladder and row["status"] == "scored" and row["release"] is None):
        if row["status"] != status:
            status = row["status"]
            say(status)
        wait(pause)
        pause = min(LONGEST_POLL, pause * 1.3)
        row = client.get(f"/submissions/{row['id']}")
    return row


def _upload(client: Client, path: str, file: Path, fields: dict[str, str], key: str) -> tuple[dict[str, Any], bool]:
    """(what the API answers, whether an earlier request had done it already)."""
    if file.stat().st_size > LARGEST_FILE:
        raise Refused("file_too_large", f"{file} is larger than {LARGEST_FILE // 10**6} MB.", "Send predictions only.")
    head, content, tail, kind = _form(file, fields)
    length = len(head) + len(content) + len(tail)

    def body() -> Iterator[bytes]:
        bar, sent = Bar(file.name, length), 0
        for block in (head, *(content[i : i + CHUNK_BYTES] for i in range(0, len(content), CHUNK_BYTES)), tail):
            yield block
            sent += len(block)
            bar.at(sent)
        bar.end()

    headers = {"Content-Type": kind, "Content-Length": str(length)} | ({"Idempotency-Key": key} if key else {})
    try:
        return client.call(
            "POST",
            client.api(path),
            headers=lambda: headers,
            body=body,
            read=lambda answer: (read_json(answer), answer.headers.get("Idempotent-Replayed") == "true"),
        )
    except Refused as refused:
        if report := refused.document.get("report"):
            say("\n" + report_lines(report, file))
        raise


def _form(file: Path, fields: dict[str, str]) -> tuple[bytes, bytes, bytes, str]:
    """A multipart form (RFC 7578): what stands before the file, the file, what stands behind, the content type."""
    edge = uuid.uuid4().hex
    head = "".join(
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    name = file.name.translate({ord('"'): "%22", ord("\r"): "%0D", ord("\n"): "%0A"})
    head += f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    head += "Content-Type: application/octet-stream\r\n\r\n"
    # Names of files need not be text: what is none becomes a question mark.
    return (
        head.encode(errors="replace"),
        file.read_bytes(),
        f"\r\n--{edge}--\r\n".encode(),
        f"multipart/form-data; boundary={edge}",
    )
