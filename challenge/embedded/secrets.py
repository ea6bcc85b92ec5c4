"""The secrets of an embedded installation, made once and kept in STATE_DIR/secrets.

`answer_key.private` opens the sealed answer keys. Only the scoring worker is told where it is; on one machine with one
user that is a matter of order, not of rights, which is why production gives the file to the worker's container alone.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from nacl.public import PrivateKey

from challenge.embedded.paths import private_directory


@dataclass(frozen=True)
class Secrets:
    """The files, and whether this call made the first of them."""

    secret_key: Path
    public_key: Path
    private_key: Path
    created: bool


def ensure_secrets(state_dir: Path) -> Secrets:
    """Make what is missing under `state_dir`/secrets (directory 0700, files 0600); what is there is never changed."""
    folder = private_directory(state_dir / "secrets")
    secret_key, public_key, private_key = (
        folder / name for name in ("secret_key", "answer_key.public", "answer_key.private")
    )
    created = not secret_key.exists()
    _write_once(secret_key, secrets.token_urlsafe(64).encode())
    _write_once(private_key, bytes(PrivateKey.generate()))
    # Derived, so that a crash between the two files can never leave a pair that does not match.
    _write_once(public_key, bytes(PrivateKey(private_key.read_bytes()).public_key))
    return Secrets(secret_key, public_key, private_key, created)


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
