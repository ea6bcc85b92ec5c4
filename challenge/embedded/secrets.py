"""The secrets of an embedded installation, made once and kept in STATE_DIR/secrets.

`answer_key.private` opens the sealed answer keys, `receipt_scored.private` signs scores. Only the workers are told
where they are; on one machine with one user that is a matter of order, not of rights, which is why production gives
these files to the workers' containers alone.

`python -m challenge.embedded.secrets FOLDER` makes what is missing for production; with `--rotate-receipts` it replaces
the keys that sign receipts.
"""

import argparse
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from nacl.public import PrivateKey

from challenge.embedded.paths import private_directory
from challenge.receipts.keys import ensure_receipt_keys, rotate_receipt_keys


@dataclass(frozen=True)
class Secrets:
    """The files, and whether this call made the first of them."""

    secret_key: Path
    public_key: Path
    private_key: Path
    score_signing_key: Path
    created: bool


def ensure_secrets(state_dir: Path) -> Secrets:
    """Make what is missing under `state_dir`/secrets (directory 0700, files 0600); what is there is never changed."""
    folder = private_directory(state_dir / "secrets")
    secret_key = folder / "secret_key"
    created = not secret_key.exists()
    _write_once(secret_key, secrets.token_urlsafe(64).encode())
    public_key, private_key = ensure_key_pair(folder)
    receipts = ensure_receipt_keys(folder, _write_once)
    return Secrets(secret_key, public_key, private_key, receipts["scored"], created)


def ensure_key_pair(folder: Path) -> tuple[Path, Path]:
    """Make answer_key.public and answer_key.private in `folder` unless they are there; returns both."""
    public_key, private_key = folder / "answer_key.public", folder / "answer_key.private"
    _write_once(private_key, bytes(PrivateKey.generate()))
    # Derived, so that a crash between the two files can never leave a pair that does not match.
    _write_once(public_key, bytes(PrivateKey(private_key.read_bytes()).public_key))
    return public_key, private_key


def _write_once(path: Path, content: bytes) -> None:
    """Create `path` whole or not at all; when it is already there, leave it."""
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    try:
        # A hard link fails when the name exists, so whoever came first wins; a rename would replace it.
        path.hardlink_to(temporary)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def main(arguments: list[str]) -> int:
    """The command line; prints the files."""
    parser = argparse.ArgumentParser(prog="python -m challenge.embedded.secrets", description="Keys for production.")
    parser.add_argument("folder", type=Path, help="where they lie, or are made")
    parser.add_argument("--rotate-receipts", action="store_true", help="replace the keys that sign receipts")
    given = parser.parse_args(arguments)
    receipts = (rotate_receipt_keys if given.rotate_receipts else ensure_receipt_keys)(given.folder, _write_once)
    for path in (*ensure_key_pair(given.folder), *receipts.values()):
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
