"""Keeps the children running and ends them in order; nothing survives it, however it ends itself.

Three nets, from the usual to the worst case: `stop` ends the children one rank after the other; the guard process does
it when this process is killed; on Linux the kernel sends SIGTERM to the children should the guard be killed as well.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from challenge.embedded.processes import Child, Spec, how_it_ended, kill_group, last_lines, spawn

POLL_SECONDS = 0.1
LOG_ROTATE_BYTES = 10 * 1024 * 1024
STARTUP_DEATHS = 3  # a child that dies this often before the site is up will not come up


class StopRequested(KeyboardInterrupt):
    """Ctrl-C, SIGTERM or SIGHUP while the supervisor was preparing or waiting."""


class StartupError(Exception):
    """The site cannot come up; the text says why and where to look."""


class Supervisor:
    """Starts, watches and stops children. Everything happens in the main thread.

    `report` gets one line per event for the terminal. `lock` is a file descriptor that the guard, and whoever else
    names it in `Spec.inherit`, keeps open: the lock on it lasts until the last of them is gone.
    """

    def __init__(self, logs: Path, report: Callable[[str], None], lock: int | None = None) -> None:
        self.logs = logs
        self.report = report
        self.children: dict[str, Child] = {}
        self.signals = 0
        self._interruptible = False
        self._stopping = False
        self._lock = lock
        self._guard: subprocess.Popen[bytes] | None = None
        logs.mkdir(parents=True, exist_ok=True)

    # --- signals ------------------------------------------------------------------------------------------------------
    def handle_signals(self) -> None:
        """SIGINT, SIGTERM and SIGHUP ask for a stop; SIGHUP stays ignored where `nohup` has said so."""
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._on_signal)

    def _on_signal(self, _number: int, _frame: object) -> None:
        self.signals += 1
        if self._interruptible:
            self._interruptible = False
            raise StopRequested

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Within it a signal raises StopRequested at once; elsewhere it is counted, so no child is half-started."""
        if self.signals:
            raise StopRequested
        self._interruptible = True
        try:
            yield
        finally:
            self._interruptible = False

    # --- start --------------------------------------------------------------------------------------------------------
    def start(self, spec: Spec) -> Child:
        """Start one child now and watch over it from now on."""
        child = self.children[spec.name] = Child(spec, self.logs / f"{spec.name}.log")
        _rotate(child.log_path)
        self._start(child)
        return child

    def _start(self, child: Child) -> None:
        self._ensure_guard()
        self._tell_guard(f"+{child.start()}")

    # --- watch --------------------------------------------------------------------------------------------------------
    def tick(self) -> None:
        """Notice the dead, say so, and start again those whose delay is over."""
        self._ensure_guard()
        now = time.monotonic()
        for child in self.children.values():
            if death := child.reap():
                self._tell_guard(f"-{death.pid}")
                self.report(
                    f"{child.spec.name} (pid {death.pid}) ended with {how_it_ended(death.code)}; "
                    f"restarting in {death.delay:g} s, log: {child.log_path}"
                )
            elif child.process is None and child.start_at <= now:
                self._start(child)

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Tick until `ready()` or the time is over; True when ready.

        Raises StopRequested on a signal and StartupError when a child has died STARTUP_DEATHS times.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if self.signals:
                raise StopRequested
            if time.monotonic() >= deadline:
                return False
            self.tick()
            for child in self.children.values():
                if child.deaths >= STARTUP_DEATHS:
                    raise StartupError(
                        f"{child.spec.name} does not start. The end of {child.log_path}:\n{last_lines(child.log_path)}"
                    )
            time.sleep(POLL_SECONDS / 2)
        return True

    def run(self) -> None:
        """Watch until a signal asks for a stop."""
        while not self.signals:
            self.tick()
            time.sleep(POLL_SECONDS)

    # --- stop ---------------------------------------------------------------------------------------------------------
    def stop(self) -> list[str]:
        """End all children, rank after rank; returns their names in the order in which they ended.

        A second signal from here on means fast: every wait turns to the short one of `fast_stop`.
        """
        first = min(self.signals, 1)
        ended: list[str] = []
        running = [child for child in self.children.values() if child.process is not None]
        for rank in sorted({child.spec.stop_rank for child in running}):
            batch = [child for child in running if child.spec.stop_rank == rank]
            ended += self._stop_batch(batch, lambda: self.signals > first)
        self._dismiss_guard()
        return ended

    def _stop_batch(self, batch: Sequence[Child], fast: Callable[[], bool]) -> list[str]:
        ended = []
        for child in batch:
            self._end(child, fast)
            ended.append(child.spec.name)
        return ended

    def _end(self, child: Child, fast: Callable[[], bool]) -> None:
        process = child.process
        if process is None:
            return
        done = False
        if not fast():
            done = _signal_in_turn(process, child.spec.stop, unless=fast)
        if not done:
            done = _signal_in_turn(process, child.spec.fast_stop)
        if not done:
            self.report(f"{child.spec.name} (pid {process.pid}) did not stop in time and was killed")
        kill_group(process.pid)
        process.wait()
        self._tell_guard(f"-{process.pid}")
        child.process = None

    # --- the guard ----------------------------------------------------------------------------------------------------
    def _ensure_guard(self) -> None:
        if self._guard is not None and self._guard.poll() is None:
            return
        command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py"))]
        inherit = () if self._lock is None else (self._lock,)
        spec = Spec("guard", command, env=dict(os.environ), inherit=inherit, input=subprocess.PIPE)
        self._guard = spawn(spec, subprocess.DEVNULL)
        for child in self.children.values():
            if child.process is not None:
                self._tell_guard(f"+{child.process.pid}")

    def _tell_guard(self, line: str) -> None:
        if self._guard is None or self._guard.stdin is None:
            return
        with suppress(BrokenPipeError):  # it was killed; _ensure_guard starts another and tells it everything
            self._guard.stdin.write(f"{line}\n".encode())
            self._guard.stdin.flush()

    def _dismiss_guard(self) -> None:
        if self._guard is None:
            return
        self._tell_guard("q")
        if self._guard.stdin is not None:
            with suppress(BrokenPipeError):
                self._guard.stdin.close()
        self._guard.wait()
        self._guard = None


def _signal_in_turn(
    process: subprocess.Popen[bytes],
    steps: Sequence[tuple[signal.Signals, float]],
    unless: Callable[[], bool] = lambda: False,
) -> bool:
    """Send each signal and wait its seconds; True once the process has ended, False after all, or as `unless` says."""
    for number, seconds in steps:
        with suppress(ProcessLookupError):
            process.send_signal(number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if process.poll() is not None:
                return True
            if unless():
                return False
            time.sleep(0.02)
    return process.poll() is not None


def _rotate(log: Path) -> None:
    """Keep one older log beside the current one; checked at every start of the site."""
    if log.exists() and log.stat().st_size > LOG_ROTATE_BYTES:
        log.replace(log.with_suffix(".log.1"))
