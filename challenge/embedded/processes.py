"""Child processes: how one is described, started so that it cannot outlive us, and ended with all it has forked."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing may be imported.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(parent: int, number: int = signal.SIGTERM) -> None:
    """Ask the kernel to send us `number` when our parent dies (Linux; elsewhere the guard alone does it).

    To be called by a child of `parent`: if that one is already gone, no signal would ever come, so the process ends.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:
            os._exit(1)


@dataclass(frozen=True)
class Spec:
    """One kind of child process.

    `stop` lists (signal, seconds to wait) in order; what is left after them is killed. `fast_stop` is the same for a
    second Ctrl-C. Processes stop in ascending `stop_rank`.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    stop: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 10.0),)
    fast_stop: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 1.0),)
    stop_rank: int = 0
    inherit: Sequence[int] = ()  # file descriptors that stay open in the child
    input: IO[bytes] | int = subprocess.DEVNULL
    cwd: Path | None = None


def spawn(spec: Spec, log: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start `spec` as the leader of a session of its own, its output appended to `log`.

    Call it from the main thread: the kernel ties the death signal to the thread that forked.
    """
    parent = os.getpid()
    return subprocess.Popen(  # noqa: S603  commands come from our own specs
        list(spec.command),
        env=dict(spec.env),
        cwd=spec.cwd,
        stdin=spec.input,
        stdout=log,
        stderr=subprocess.STDOUT if log != subprocess.DEVNULL else subprocess.DEVNULL,
        pass_fds=tuple(spec.inherit),
        start_new_session=True,
        preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509  we have one thread
    )


def kill_group(leader: int) -> None:
    """SIGKILL to the leader and everything it has forked; no error when there is nothing left."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # macOS answers EPERM for a group that holds only zombies.
        return


def how_it_ended(code: int) -> str:
    """A return code in words: `exit code 1`, `signal SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def last_lines(path: Path, count: int = 15) -> str:
    """The end of a log file, for a message; empty when there is none."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 8192))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


@dataclass(frozen=True)
class Death:
    """One end of a child: its process id, its return code, and the seconds until it is started again."""

    pid: int
    code: int
    delay: float


class Child:
    """A process of ours over all its restarts."""

    FIRST_DELAY, MAX_DELAY, STABLE_AFTER = 0.5, 10.0, 20.0

    def __init__(self, spec: Spec, log_path: Path) -> None:
        self.spec = spec
        self.log_path = log_path
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        self.start_at = 0.0  # monotonic time of the next start while there is no process
        self._started_at = 0.0
        self._delay = self.FIRST_DELAY

    def start(self) -> int:
        """Start it now; returns the process id, which is also the id of its process group."""
        with self.log_path.open("ab") as log:
            self.process = spawn(self.spec, log)
        self._started_at = time.monotonic()
        return self.process.pid

    def reap(self) -> Death | None:
        """What happened, if the process has ended since the last call; the next start is then due after `delay`.

        The delay doubles from FIRST_DELAY to MAX_DELAY and falls back once a process has lived for STABLE_AFTER.
        """
        if self.process is None or (code := self.process.poll()) is None:
            return None
        pid, self.process = self.process.pid, None
        kill_group(pid)  # what it had forked: a killed worker leaves its pool, and the next one must not meet it
        now = time.monotonic()
        if now - self._started_at >= self.STABLE_AFTER:
            self._delay = self.FIRST_DELAY
        death = Death(pid, code, self._delay)
        self.start_at = now + self._delay
        self._delay = min(self.MAX_DELAY, self._delay * 2)
        self.deaths += 1
        return death
