"""The scheduler's loop: it leaves a sign of life after each round that worked, and the health check reads its age."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import pytest

from challenge.submissions.management.commands import scheduler

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def state_dir(settings, tmp_path: Path, monkeypatch) -> Path:
    """A state directory of its own, rounds without a pause, and the signal handlers left alone."""
    settings.STATE_DIR = tmp_path
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "uploads"
    settings.RECONCILE_EVERY_SECONDS = 0.001
    monkeypatch.setattr(scheduler, "close_old_connections", lambda: None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return tmp_path


def run_rounds(monkeypatch, *rounds) -> list[bool]:
    """Run the loop for as many rounds as there are functions; whether the sign of life was there after each."""
    stop = Event()
    monkeypatch.setattr("threading.Event", lambda: stop)
    left, seen = list(rounds), []

    def reconcile() -> None:
        seen.append(alive().exists())
        if len(left) == 1:
            stop.set()
        left.pop(0)()

    monkeypatch.setattr(scheduler, "reconcile", reconcile)
    monkeypatch.setattr(scheduler, "reconcile_analyses", works)
    monkeypatch.setattr(scheduler, "reconcile_mail", works)
    monkeypatch.setattr(scheduler, "reconcile_notices", works)
    scheduler.Command().handle()
    return [*seen[1:], alive().exists()]


def alive() -> Path:
    return scheduler.sign_of_life()


def works() -> None:
    pass


def fails() -> None:
    raise RuntimeError("the database restarts")


def test_a_round_that_worked_leaves_a_sign_and_one_that_failed_does_not(state_dir, monkeypatch):
    assert run_rounds(monkeypatch, fails, works) == [False, True]
    assert alive() == state_dir / "scheduler.alive"
    assert alive().stat().st_size == 0


def test_a_failed_round_does_not_renew_the_sign(state_dir, monkeypatch):
    alive().touch()
    os.utime(alive(), (0, 0))
    run_rounds(monkeypatch, fails, fails)
    assert alive().stat().st_mtime == 0
    run_rounds(monkeypatch, fails, works)
    assert time.time() - alive().stat().st_mtime < 10


def is_well(state_dir: Path) -> bool:
    command = [sys.executable, "docker/healthcheck.py", "scheduler"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "STATE_DIR": str(state_dir)}, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode == 0


def test_the_health_check_notices_a_loop_that_hangs_or_never_began(state_dir, monkeypatch):
    assert not is_well(state_dir)
    run_rounds(monkeypatch, works)
    assert is_well(state_dir)
    now = time.time()
    for age, well in ((50, True), (70, False), (-3600, False)):  # the last: the clock was set back
        os.utime(alive(), (now - age, now - age))
        assert is_well(state_dir) is well, age


def test_what_killed_requests_left_of_their_uploads_is_removed_after_a_day(state_dir, monkeypatch):
    uploads = state_dir / "uploads"
    uploads.mkdir()
    old, new = uploads / "old.upload.csv", uploads / "new.upload.csv"
    for path, hours in ((old, 25), (new, 23)):
        path.write_text("x")
        os.utime(path, (time.time() - hours * 3600,) * 2)
    run_rounds(monkeypatch, works)
    assert not old.exists()
    assert new.exists()


def test_a_missing_upload_folder_fails_no_round(state_dir, monkeypatch):
    assert run_rounds(monkeypatch, works) == [True]
