"""Tables and static files: done when needed, skipped when not, and an old database is copied first."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from challenge.embedded import prepare

ROOT = Path(__file__).resolve().parents[2]
TWICE = """
import django, pathlib; django.setup()
from challenge.embedded import prepare
print("pending", *prepare.pending_migrations())
print("copy", prepare.migrate(pathlib.Path({backups!r})))
print("again", prepare.migrate(pathlib.Path({backups!r})), *prepare.pending_migrations())
"""


def run(state_dir: Path, *arguments: str) -> str:
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    env |= {"STATE_DIR": str(state_dir), "DJANGO_SETTINGS_MODULE": "challenge.settings.embedded"}
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_an_empty_database_is_filled_and_one_with_data_is_copied_before_it_changes(tmp_path):
    backups = tmp_path / "backups"
    code = TWICE.format(backups=str(backups))
    first = run(tmp_path, "-c", code)
    assert "True" in first.splitlines()[0]
    assert "copy None" in first
    assert "again None 0 False" in first

    run(tmp_path, "manage.py", "migrate", "sessions", "zero", "--verbosity", "0")
    second = run(tmp_path, "-c", code)
    assert second.splitlines()[0] == "pending 1 False"
    [copy] = backups.iterdir()
    assert f"copy {copy}" in second
    for path, tables in ((copy, 0), (tmp_path / "db.sqlite3", 1)):
        with sqlite3.connect(path) as database:
            found = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'django_session'").fetchone()
            assert found == (tables,)
        database.close()


def test_static_files_are_collected_once_and_again_when_a_source_changes(tmp_path, settings, monkeypatch):
    settings.STATIC_ROOT = tmp_path / "static"
    stamp = tmp_path / "stamp"
    assert prepare.collect_static(stamp)
    assert (settings.STATIC_ROOT / "admin").is_dir()
    assert not prepare.collect_static(stamp)
    monkeypatch.setattr(prepare, "static_digest", lambda: "another")
    assert prepare.collect_static(stamp)
