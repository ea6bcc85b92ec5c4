"""What must hold before anything is started. Every failure is one line that names the fix."""

import errno
import fcntl
import os
import socket
import sys
import tempfile
import time
from pathlib import Path

NETWORK_FILE_SYSTEMS = {
    "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.sshfs", "gfs2", "glusterfs", "gpfs", "lustre",
    "ncpfs", "nfs", "nfs4", "ocfs2", "smb3", "smbfs", "virtiofs-nfs",
}  # fmt: skip
ORPHAN_SECONDS = 10.0  # how long a guard may need to end what a killed server has left


class PreflightError(Exception):
    """The server cannot be started like this; the text is one line and names the fix."""


def check_state_dir(state_dir: Path) -> None:
    """Create the state directory if need be; it must be writable and on a local disk."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=state_dir) as probe:
            probe.write(b"0")
            probe.flush()
    except OSError as error:
        raise PreflightError(
            f"{state_dir} cannot be written ({error.strerror}): fix its owner or free some space, "
            "or set STATE_DIR to another folder."
        ) from None
    kind = file_system(state_dir)
    if kind in NETWORK_FILE_SYSTEMS:
        raise PreflightError(
            f"{state_dir} is on a network file system ({kind}), where SQLite loses data: set STATE_DIR to a local disk."
        )


def file_system(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The type of the file system that `path` is on, '' where the system does not tell (only Linux does)."""
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    best, kind = -1, ""
    for line in lines:
        before, _, after = line.partition(" - ")
        # Spaces in mount points are written as \040.
        point = before.split(" ")[4].replace("\\040", " ")
        # >= : the later of two mounts on one point hides the earlier.
        if path.is_relative_to(point) and len(point) >= best:
            best, kind = len(point), after.split(" ")[0]
    return kind


def take_lock(state_dir: Path) -> int:
    """An exclusive lock on the state directory, held as long as the returned descriptor is open anywhere.

    When the server that wrote its pid there is dead, its guard is still cleaning up: wait for it.
    """
    descriptor = os.open(state_dir / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + ORPHAN_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            if _alive(holder) or time.monotonic() >= deadline:
                os.close(descriptor)
                raise PreflightError(
                    f"Another server (pid {holder or 'unknown'}) runs on {state_dir}: stop it, "
                    "or set STATE_DIR to another folder."
                ) from None
            time.sleep(0.1)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _alive(pid: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # A killed process that its own parent has not yet reaped still answers signals, but holds nothing any more.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on host:port, for the web server to inherit.

    It stays ours: a taken port is known at once, and while the web server restarts visitors wait instead of being
    refused.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, OverflowError) as error:
        raise PreflightError(f"Cannot listen on {host}:{port} ({error}): give another --host or --port.") from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise PreflightError(_why_not_bound(host, port, error)) from None
    return listener


def _why_not_bound(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken: stop what uses it, or choose another with --port or PORT."
    if error.errno == errno.EACCES:
        return f"Port {port} needs administrator rights: choose one above 1023 with --port or PORT."
    return f"Cannot listen on {host}:{port} ({error.strerror}): give another --host or --port."


def cores() -> int:
    """The processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else (os.cpu_count() or 1)
