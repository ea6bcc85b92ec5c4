"""The tests of what races and constrains, once more on a real PostgreSQL, where SQLite's one writer hides nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import postgres_server

ROOT = Path(__file__).parents[1]
SUITES = [
    *("tests/submissions", "tests/teams", "tests/announcements", "tests/questions", "tests/notices/test_spreading.py"),
    *("tests/analyses/test_analyses.py", "tests/analyses/test_budget.py", "tests/leaderboards/test_board.py"),
    *("tests/jobs/test_races.py", "tests/jobs/test_states.py", "tests/jobs/test_worker.py"),
    *("tests/rescorings/test_races.py", "tests/rescorings/test_rescoring.py", "tests/api/test_submissions.py"),
    *("tests/study/test_races.py", "tests/reports/test_sheets.py"),
]


@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_the_same_tests_pass_on_postgresql():
    with postgres_server() as url:
        environment = {**os.environ, "DATABASE_URL": url}
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-m", "not slow"]
        command += ["-p", "no:cacheprovider", *SUITES]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=850, check=False
        )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]
