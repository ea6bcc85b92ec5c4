"""Where the embedded mode keeps things. Imports nothing of Django: the settings themselves use it."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

# sun_path holds 108 bytes on Linux and 104 on macOS, the terminating zero included.
MAX_SOCKET_BYTES = 103


def socket_path(state_dir: Path) -> Path:
    """The broker's unix socket for this state directory: always the same, and short enough to bind.

    A state directory that lies too deep gets a name made of its hash, in a folder of its own under the temp folder.
    """
    path = state_dir / "broker.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_BYTES:
        return path
    name = f"challenge-{os.getuid()}-{hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:16]}"
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108  the folder below it is private, see private_directory
        path = Path(parent) / name / "broker.sock"
        if len(os.fsencode(path)) <= MAX_SOCKET_BYTES:
            break
    return path


def private_directory(path: Path) -> Path:
    """Create `path` with mode 0700, or accept it if it is a real directory of this user; nobody else may enter it.

    Raises PermissionError otherwise: in a shared temp folder somebody may have put a link or a folder there first.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(f"{path} belongs to somebody else; remove it or set TMPDIR to a folder of your own.")
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)
    return path
