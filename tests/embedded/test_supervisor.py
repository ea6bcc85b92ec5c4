"""The supervisor over stand-in commands: restarts, stop order, and that nothing outlives it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from challenge.embedded import supervisor as module
from challenge.embedded.processes import Child, Spec, how_it_ended
from challenge.embedded.services import at_lowest_priority
from challenge.embedded.supervisor import StartupError, StopRequested, Supervisor
from tests.embedded.processes import alive, command_line, descendants, eventually

ROOT = Path(__file__).resolve().parents[2]
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"


def spec(name: str, code: str, **options: object) -> Spec:
    return Spec(name, [sys.executable, "-S", "-c", code], env=dict(os.environ), **options)


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path, lines):
    made = Supervisor(tmp_path / "logs", lines.append)
    yield made
    made.stop()


def test_a_child_that_dies_is_started_again_later_each_time(supervisor, lines, monkeypatch):
    monkeypatch.setattr(Child, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(Child, "MAX_DELAY", 0.2)
    supervisor.start(spec("worker", "raise SystemExit(3)"))
    with pytest.raises(TimeoutError):
        _tick_until(supervisor, lambda: False, 1.5)
    assert [line.split("restarting in ")[1].split(" s,")[0] for line in lines[:4]] == ["0.05", "0.1", "0.2", "0.2"]
    assert all("worker" in line and "exit code 3" in line and "worker.log" in line for line in lines)


def test_work_of_the_lowest_priority_gives_way_to_other_sessions_too(supervisor):
    child = supervisor.start(at_lowest_priority(spec("later", "import time; time.sleep(60)")))
    pid, group = child.process.pid, Path(f"/proc/{child.process.pid}/autogroup")
    assert eventually(lambda: os.getpriority(os.PRIO_PROCESS, pid) == 19, 10)
    enabled = Path("/proc/sys/kernel/sched_autogroup_enabled")
    if enabled.exists() and enabled.read_text().strip() == "1" and os.access(group, os.W_OK):
        assert group.read_text().strip().endswith("nice 19")


def test_the_delay_falls_back_once_a_child_has_been_stable(supervisor, lines, monkeypatch):
    monkeypatch.setattr(Child, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(Child, "STABLE_AFTER", 0.0)
    supervisor.start(spec("worker", ""))
    _tick_until(supervisor, lambda: len(lines) >= 3, 10)
    assert {line.split("restarting in ")[1].split(" s,")[0] for line in lines} == {"0.05"}


def test_a_child_that_never_comes_up_ends_the_start_with_its_last_words(supervisor, monkeypatch):
    monkeypatch.setattr(Child, "FIRST_DELAY", 0.01)
    supervisor.start(spec("web", "raise SystemExit('no such module')"))
    with pytest.raises(StartupError, match=r"web does not start(.|\n)*no such module"):
        supervisor.wait_until(lambda: False, 20)


def test_what_a_dead_child_had_forked_goes_with_it(supervisor, tmp_path, lines):
    pool = tmp_path / "pool"
    code = f"import os, time; child = os.fork(); open({str(pool)!r}, 'a').write(f'{{child}} '); time.sleep(60)"
    child = supervisor.start(spec("worker", code))
    assert eventually(lambda: pool.exists() and pool.read_text().strip(), 10)
    before = descendants(child.process.pid)
    assert before
    child.process.kill()
    _tick_until(supervisor, lambda: lines, 10)
    assert "signal SIGKILL" in lines[0]
    assert eventually(lambda: not alive(before), 5)


def test_children_stop_by_rank_and_by_their_own_signals(supervisor, tmp_path):
    ranks = {"broker": 3, "web": 2, "worker": 1, "scheduler": 0}
    for name, rank in ranks.items():
        supervisor.start(spec(name, "import time; time.sleep(60)", stop_rank=rank))
    assert supervisor.stop() == ["scheduler", "worker", "web", "broker"]


def test_a_child_that_does_not_stop_is_killed_with_all_it_forked(supervisor, lines):
    short = ((signal.SIGTERM, 0.2),)
    child = supervisor.start(spec("worker", f"import os; os.fork(); {STUBBORN}", stop=short, fast_stop=short))
    assert eventually(lambda: child.log_path.read_text().count("on") == 2, 10)
    # Not all that this process has started: another test's pool may leave a helper of Python's behind.
    child_and_below = {pid for pid in descendants(os.getpid()) if pid.number == child.process.pid}
    child_and_below |= descendants(child.process.pid)
    assert len(child_and_below) == 2
    supervisor.stop()
    assert eventually(lambda: not alive(child_and_below), 5)
    assert "did not stop in time" in lines[-1]


def test_a_second_signal_cuts_the_wait_short(supervisor):
    long, short = ((signal.SIGTERM, 60.0),), ((signal.SIGKILL, 1.0),)
    child = supervisor.start(spec("worker", STUBBORN, stop=long, fast_stop=short))
    assert eventually(lambda: "on" in child.log_path.read_text(), 10)
    supervisor.signals = 2
    began = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began < 10


def test_a_signal_interrupts_preparation_and_waiting_only_there(supervisor):
    def interrupted() -> None:
        with supervisor.interruptible():
            supervisor._on_signal(signal.SIGINT, None)

    with pytest.raises(StopRequested):
        interrupted()
    with pytest.raises(StopRequested):
        supervisor.wait_until(lambda: False, 5)
    supervisor._on_signal(signal.SIGINT, None)  # outside: only counted
    assert supervisor.signals == 2


def test_the_guard_is_replaced_and_told_everything_again(supervisor, tmp_path):
    child = supervisor.start(spec("worker", "import time; time.sleep(60)"))
    first = supervisor._guard
    first.kill()
    first.wait()
    first.stdin.close()
    supervisor.tick()
    assert supervisor._guard is not first
    assert child.process.poll() is None


def test_a_large_log_is_set_aside_at_the_start(supervisor, monkeypatch):
    monkeypatch.setattr(module, "LOG_ROTATE_BYTES", 10)
    log = supervisor.logs / "web.log"
    log.write_text("x" * 11)
    supervisor.start(spec("web", "import time; time.sleep(60)"))
    assert (supervisor.logs / "web.log.1").read_text() == "x" * 11
    assert log.read_text() == ""


@pytest.mark.parametrize(("code", "words"), [(1, "exit code 1"), (-9, "signal SIGKILL"), (-99, "signal 99")])
def test_ends_are_told_in_words(code, words):
    assert how_it_ended(code) == words


@pytest.mark.chaos
@pytest.mark.parametrize("also_the_guard", [False, True], ids=["supervisor", "supervisor-and-guard"])
def test_a_supervisor_killed_with_9_leaves_no_process_behind(tmp_path, also_the_guard):
    with _standin(tmp_path) as process:
        below = descendants(process.pid)
        assert len(below) == 7  # the guard, three children, and what each has forked
        guard = next(pid for pid in below if "guard.py" in command_line(pid.number))
        process.kill()
        if also_the_guard:
            os.kill(guard.number, signal.SIGKILL)
            stubborn = {
                pid for pid in below if command_line(pid.number).partition(" -c ")[2].startswith("import signal")
            }
            # Without the guard the kernel's SIGTERM ends the children themselves, not what ignores it.
            assert eventually(lambda: not alive(below - stubborn), 10)
            for pid in alive(stubborn):
                os.kill(pid.number, signal.SIGKILL)
        assert eventually(lambda: not alive(below), 10)


@pytest.mark.chaos
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_supervisor_told_to_stop_ends_its_children_in_order(tmp_path, number):
    with _standin(tmp_path) as process:
        below = descendants(process.pid)
        process.send_signal(number)
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        assert out.endswith("ended scheduler worker web\n")
        assert eventually(lambda: not alive(below), 5)


def _standin(tmp_path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.embedded.standin", str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    assert eventually(lambda: len(descendants(process.pid)) == 7, 20)
    return process


def _tick_until(supervisor: Supervisor, condition, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        supervisor.tick()
        time.sleep(0.01)
