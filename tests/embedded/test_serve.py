"""`manage.py serve` as people run it: a process of its own, with everything real."""

import os
import re
import signal
import socket
from pathlib import Path

import pytest

from challenge.embedded.welcome import is_healthy
from tests.embedded.processes import Pid, alive, command_line, descendants, eventually, leader
from tests.served import read_until, serve, served

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120


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
    with served(state_dir) as site:
        process, said = site.process, site.said
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
        assert is_healthy(site.url)

        below = descendants(process.pid)
        process.kill()
        assert eventually(lambda: not alive(below), 15), [command_line(pid.number) for pid in alive(below)]

    # Again at once, on what was left: the same accounts, the same score, and then a clean stop.
    with served(state_dir) as site:
        process, said_again = site.process, site.said
        kept = [line for line in said.splitlines() if line.split()[:1] in (["First"], ["Admin"], ["Participant"])]
        assert kept
        assert set(kept) <= set(said_again.splitlines())
        below = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "stopped (scheduler, worker, analysis, gpu, web, broker)" in out
        assert eventually(lambda: not alive(below), 5)


@pytest.mark.chaos
def test_without_the_demo_it_says_how_to_make_the_first_account(tmp_path):
    with served(tmp_path, "--no-demo") as site:
        said = site.said
        assert "createsuperuser" in said
        assert is_healthy(site.url)


def _check_who_holds_the_private_key(below: set[Pid]) -> None:
    """Only the workers and their pools are told where the keys are that open answer keys and sign scores."""
    for variable in (b"ANSWER_KEY_PRIVATE_KEY_FILE=", b"RECEIPT_SCORED_KEY_FILE="):
        holders = set()
        for pid in below:
            if variable in Path(f"/proc/{pid.number}/environ").read_bytes():
                holders.add(command_line(pid.number))
        assert holders
        assert all("celery" in command for command in holders)
