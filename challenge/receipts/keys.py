"""The two signing keys of receipts, made and changed. Knows no Django: `challenge.embedded.secrets` uses it.

`receipt_accepted.private` signs that files were accepted and belongs to the web server; `receipt_scored.private` signs
scores and belongs to the workers: a break-in into the web server cannot attest a score. Both are seeds of 32 bytes.
`receipt_keys.json` is the public list with all keys there ever were; receipts of former keys go on to verify.
"""

import base64
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from scoring.receipts import KINDS, key_id

Write = Callable[[Path, bytes], object]


def ensure_receipt_keys(folder: Path, write_once: Write) -> dict[str, Path]:
    """Make what is missing in `folder`; returns the paths by `accepted`, `scored` and `public`.

    The list is derived from the private keys, so a crash in between leaves nothing that does not match.
    """
    paths = {use: folder / f"receipt_{use}.private" for use in KINDS}
    for path in paths.values():
        write_once(path, bytes(SigningKey.generate()))
    public = folder / "receipt_keys.json"
    _list(public, {use: path.read_bytes() for use, path in paths.items()})
    return {**paths, "public": public}


def rotate_receipt_keys(folder: Path, write_once: Write) -> dict[str, Path]:
    """Replace both signing keys; the public list keeps the former ones as retired. Restart web and workers then."""
    for use in KINDS:
        _replace(folder / f"receipt_{use}.private", bytes(SigningKey.generate()))
    return ensure_receipt_keys(folder, write_once)


def _list(path: Path, seeds: dict[str, bytes]) -> None:
    """Let the list name the keys of `seeds` as those in use, and all others as retired."""
    entries: list[dict[str, Any]] = json.loads(path.read_text())["keys"] if path.exists() else []
    before = json.dumps(entries)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    for use, seed in seeds.items():
        public = bytes(SigningKey(seed).verify_key)
        in_use = key_id(public)
        for entry in entries:
            if entry["use"] == use and entry["kid"] != in_use and entry["retired_at"] is None:
                entry["retired_at"] = now
        if in_use not in {entry["kid"] for entry in entries}:
            text = base64.b64encode(public).decode()
            entries.append({"kid": in_use, "use": use, "public_key": text, "created_at": now, "retired_at": None})
    if json.dumps(entries) != before:
        _replace(path, (json.dumps({"keys": entries}, indent=1) + "\n").encode())


def _replace(path: Path, content: bytes) -> None:
    """Write `path` anew, whole or not at all, readable by its owner only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(path)
