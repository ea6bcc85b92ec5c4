"""`manage.py serve` as people run it: a process of its own, with everything real."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from challenge.embedded.welcome import is_healthy
from tests.embedded.processes import Pid, alive, command_line, descendants, eventually

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120


def environment(state_dir: Path, **extra: str) -> dict[str, str]:
    """What a person's shell has, not what the test settings need."""
    unset = {"DJANGO_SETTINGS_MODULE", "DATABASE_URL", "BROKER_URL", "CACHE_URL", "SECRET_KEY", "STOP_WITH_PARENT"}
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    return {**kept, "STATE_DIR": str(state_dir), "OMP_NUM_THREADS": "1", **extra}


def serve(state_dir: Path, *arguments: str, **extra: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", "0", "--workers", "2", *arguments],
        cwd=ROOT,
        env=environment(state_dir, **extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What the process prints up to the line with `text`; fails with all of it when the process ends before."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if text in line:
            return printed
    pytest.fail(f"ended with {process.wait()} before {text!r}:\n{printed}")


@contextmanager
def site(state_dir: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running site and what it said when it was ready."""
    with serve(state_dir, *arguments) as process:
        try:
            yield process, read_until(process, "Ctrl-C")
        finally:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=60)


def url_in(said: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+/", said)
    assert found
    return found[0]


def leader(below: set[Pid], word: str) -> Pid:
    """The process of the group that runs `word`: the one that is a child of the supervisor, hence the oldest."""
    return min((pid for pid in below if word in command_line(pid.number)), key=lambda pid: (int(pid.began), pid.number))


def test_a_taken_port_ends_it_with_one_line_and_code_2(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        with serve(tmp_path, "--port", port) as process:
            out, _ = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 2
    assert len(out.splitlines()) == 1
    assert f"Port {port}" in out
    assert not (tmp_path / "db.sqlite3").exists()


def test_outside_the_embedded_settings_it_refuses(tmp_path):
    with serve(tmp_path, DJANGO_SETTINGS_MODULE="challenge.settings.test") as process:
        out, _ = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 2
    assert "docs/operations.md" in out


@pytest.mark.chaos
def test_it_starts_survives_kills_and_leaves_nothing_behind(tmp_path):
    state_dir = tmp_path / ("deep-" + "x" * 100)  # too deep for a socket of its own
    with site(state_dir) as (process, said):
        assert re.search(r"First score .*: \d\.\d{4}\n", said), said
        below = descendants(process.pid)
        _check_who_holds_the_private_key(below)
        with serve(state_dir) as second:
            out, _ = second.communicate(timeout=START_SECONDS)
        assert (second.returncode, f"pid {process.pid}" in out) == (2, True), out

        pool = descendants(leader(below, "celery").number)
        assert pool
        os.kill(leader(below, "celery").number, signal.SIGKILL)
        assert "worker (pid" in read_until(process, "worker (pid")
        assert eventually(lambda: not alive(pool), 10)
        assert is_healthy(url_in(said))

        below = descendants(process.pid)
        process.kill()
        assert eventually(lambda: not alive(below), 15), [command_line(pid.number) for pid in alive(below)]

    # Again at once, on what was left: the same accounts, the same score, and then a clean stop.
    with site(state_dir) as (process, said_again):
        kept = [line for line in said.splitlines() if line.split()[:1] in (["First"], ["Admin"], ["Participant"])]
        assert kept
        assert set(kept) <= set(said_again.splitlines())
        below = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "stopped (scheduler, worker, web, broker)" in out
        assert eventually(lambda: not alive(below), 5)


@pytest.mark.chaos
def test_without_the_demo_it_says_how_to_make_the_first_account(tmp_path):
    with site(tmp_path, "--no-demo") as (_, said):
        assert "createsuperuser" in said
        assert is_healthy(url_in(said))


def _check_who_holds_the_private_key(below: set[Pid]) -> None:
    """Only the scoring worker and its pool are told where the private answer key is."""
    holders = set()
    for pid in below:
        if b"ANSWER_KEY_PRIVATE_KEY_FILE" in Path(f"/proc/{pid.number}/environ").read_bytes():
            holders.add(command_line(pid.number))
    assert holders
    assert all("celery" in command for command in holders)
