"""The tests of what races and constrains, once more on a real PostgreSQL, where SQLite's one writer hides nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import postgres_server

ROOT = Path(__file__).parents[1]
SUITES = [
    *("tests/submissions", "tests/analyses", "tests/leaderboards", "tests/teams", "tests/jobs", "tests/study"),
    *("tests/api", "tests/rescorings", "tests/announcements", "tests/questions"),
]


# Drawings, files and requests that only read: the same whatever the database.
LEFT_OUT = [
    *("tests/analyses/test_diagnostics.py", "tests/leaderboards/test_figure.py", "tests/leaderboards/test_tables.py"),
    *("tests/api/test_fuzz.py", "tests/jobs/test_finetune_job.py"),
]


@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_the_same_tests_pass_on_postgresql():
    with postgres_server() as url:
        environment = {**os.environ, "DATABASE_URL": url}
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-m", "not slow"]
        command += ["-p", "no:cacheprovider", *SUITES, *(f"--ignore={name}" for name in LEFT_OUT)]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=850, check=False
        )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]
