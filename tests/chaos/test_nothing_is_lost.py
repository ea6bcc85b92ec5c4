"""Kill and flush the real thing: every accepted file reaches a final state within a minute and is scored once."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.embedded.processes import descendants
from tests.embedded.test_serve import ROOT, environment, leader, site, url_in

MINUTE = 60.0
BIG, SMALL = 300_000, 200  # rows: seconds of scoring, so that a kill hits it in the middle; milliseconds

SETUP = """
import datetime, json
from django.utils import timezone
from challenge.accounts.models import User
from challenge.accounts.services import create_token
from challenge.contests.models import Challenge, Phase
from challenge.datasets.services import add_answer_key
challenge = Challenge.objects.get(slug="aigiqa-demo")
made = {"token": create_token(user=User.objects.get(username="participant"), name="t", scopes=["read", "submit"])[1]}
for slug, rows in (("big", %d), ("small", %d)):
    now = timezone.now()
    phase = Phase.objects.create(challenge=challenge, slug=slug, title=slug, opens_at=now - datetime.timedelta(days=1),
                                 closes_at=now + datetime.timedelta(days=1))
    key = "name,mos\\n" + "".join(f"i{n}.png,{(n * 7919) %% 1009 / 200}\\n" for n in range(rows))
    add_answer_key(phase=phase, content=key.encode(), actor=None)
    made[slug] = str(phase.pk)
print(json.dumps(made))
""" % (BIG, SMALL)

TALLY = """
import json
from collections import Counter
from challenge.submissions.models import Evaluation, Submission
phase = %r
rows = Submission.objects.filter(phase=phase)
print(json.dumps({
    "statuses": dict(Counter(rows.values_list("status", flat=True))),
    "most_evaluations": max(Counter(Evaluation.objects.filter(submission__phase=phase)
                                    .values_list("submission", flat=True)).values(), default=0),
    "evaluations": Evaluation.objects.filter(submission__phase=phase).count(),
    "scored_events": sum(row.events.filter(to_status="scored").count() for row in rows),
    "most_attempts": max(rows.values_list("attempts", flat=True), default=0),
}))
"""


def in_site(state_dir: Path, script: str) -> Any:
    """The JSON that a script prints in the site's own Django."""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", script],
        cwd=ROOT,
        env=environment(state_dir, LOG_LEVEL="ERROR"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def predictions(rows: int, seed: int) -> bytes:
    return "".join(f"i{n}.png,{(n * 7919 + n * n * seed) % 1013}\n" for n in range(rows)).encode()


class Client:
    """The API as a participant's script uses it."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url.rstrip("/"), token

    def call(self, path: str, data: bytes | None = None, content_type: str = "") -> Any:
        request = urllib.request.Request(f"{self.url}{path}", data=data)  # noqa: S310  our own loopback address
        request.add_header("Authorization", f"Bearer {self.token}")
        if content_type:
            request.add_header("Content-Type", content_type)
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)

    def submit(self, phase: str, content: bytes) -> str:
        edge = uuid.uuid4().hex
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="p.csv"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
        path = f"/api/v1/phases/{phase}/submissions"
        return str(self.call(path, body, f"multipart/form-data; boundary={edge}")["id"])

    def status(self, submission: str) -> str:
        return str(self.call(f"/api/v1/submissions/{submission}")["status"])


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """How long it took; fails after `seconds`."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return time.monotonic() - started


def signal_worker(supervisor: int, number: signal.Signals) -> None:
    """Send a signal to the Celery worker and its pool, pool first."""
    head = leader(descendants(supervisor), "celery").number
    for pid in [*(child.number for child in descendants(head)), head]:
        os.kill(pid, number)


@pytest.mark.chaos
def test_kills_in_mid_scoring_and_a_flushed_broker_lose_nothing(tmp_path):
    with site(tmp_path) as (process, said):
        made = in_site(tmp_path, SETUP)
        client = Client(url_in(said), made["token"])

        # 1. The worker dies in the middle of scoring.
        mine = client.submit(made["big"], predictions(BIG, 3))
        wait_for(lambda: client.status(mine) == "scoring", MINUTE, "a worker claims it")
        signal_worker(process.pid, signal.SIGKILL)
        assert client.status(mine) == "scoring"  # it was in the middle, and nobody has noticed yet
        wait_for(lambda: client.status(mine) == "scored", MINUTE, "another worker scores it")
        tally = in_site(tmp_path, TALLY % made["big"])
        assert (tally["evaluations"], tally["scored_events"], tally["most_attempts"]) == (1, 1, 2)

        # 2. Fifty wait while no worker moves; then the broker forgets everything.
        signal_worker(process.pid, signal.SIGSTOP)
        waiting = [client.submit(made["small"], predictions(SMALL, seed)) for seed in range(50)]
        broker = redis.Redis(unix_socket_path=_socket(tmp_path))
        assert broker.llen("scoring") > 0
        broker.flushall()
        broker.close()
        signal_worker(process.pid, signal.SIGCONT)
        wait_for(
            lambda: client.status(waiting[-1]) == "scored" and all(client.status(pk) == "scored" for pk in waiting),
            MINUTE,
            "all fifty are scored",
        )
        tally = in_site(tmp_path, TALLY % made["small"])
        assert tally["statuses"] == {"scored": 50}
        assert (tally["evaluations"], tally["most_evaluations"], tally["scored_events"]) == (50, 1, 50)


def _socket(state_dir: Path) -> str:
    from challenge.embedded.paths import socket_path

    return str(socket_path(state_dir))
