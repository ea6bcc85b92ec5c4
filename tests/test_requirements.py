"""The web set is complete by itself: the site starts where nothing of the dev set is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

START = """
import importlib.metadata, re, sys
locked = {{re.sub(r"[-_.]+", "-", line.split("==")[0]).lower()
          for line in open("requirements/web.txt") if re.match(r"[A-Za-z0-9].*==", line)}}
of_modules = importlib.metadata.packages_distributions()

class OnlyLocked:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        names = {{re.sub(r"[-_.]+", "-", dist).lower() for dist in of_modules.get(top, ())}}
        if names and not names & locked:
            raise ModuleNotFoundError(f"No module named {{name!r}}: not in requirements/web.txt", name=name)
        return None

sys.meta_path.insert(0, OnlyLocked())
{body}
"""

BODIES = {
    "web": "import challenge.wsgi, gunicorn.workers.gthread, gunicorn.app.wsgiapp; import challenge.urls",
    "worker": (
        "import django; django.setup(); import kombu.transport.redis, celery.bin.worker, celery.concurrency.prefork; "
        "from challenge.celery import app; app.loader.import_default_modules(); "
        "import challenge.submissions.scoring_run"
    ),
    "scheduler": "from django.core.management import call_command; import django; django.setup(); "
    "call_command('scheduler', '--help')",
    "serve": "import django; django.setup(); import challenge.embedded.serve, challenge.embedded.supervisor",
    "scoring": "import scoring.cli, scoring.evaluation, scoring.logistic, scoring.intervals",
    "baselines": "import scoring.baselines.job, scoring.baselines.brisque, scoring.baselines.niqe; "
    "import PIL.Image, scipy.ndimage, scipy.special",
    "postgresql": "import psycopg",
}


@pytest.mark.slow
def test_each_process_starts_on_the_web_set_alone(tmp_path):
    failures = {}
    for name, body in BODIES.items():
        done = subprocess.run(
            [sys.executable, "-c", START.format(body=body)],
            cwd=ROOT,
            env={
                "PATH": "/usr/bin:/bin",
                "STATE_DIR": str(tmp_path),
                "DJANGO_SETTINGS_MODULE": "challenge.settings.embedded",
                "PYTHONPATH": str(ROOT),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            failures[name] = done.stderr[-600:]
    assert not failures


def test_the_web_set_has_no_torch():
    text = (ROOT / "requirements" / "web.txt").read_text()
    assert not any(line.startswith(("torch==", "nvidia", "triton")) for line in text.splitlines())
