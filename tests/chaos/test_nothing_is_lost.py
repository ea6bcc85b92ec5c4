"""Kill and flush the real thing: every accepted file reaches a final state within a minute and is scored once."""

import os
import signal
import time
from collections.abc import Callable

import pytest
import redis

from challenge.embedded.paths import socket_path
from tests.embedded.processes import descendants, leader
from tests.served import predictions, served

MINUTE = 60.0
BIG, SMALL = 300_000, 200  # rows: seconds of scoring, so that a kill hits it in the middle; milliseconds

TALLY = """
import json
from collections import Counter
from challenge.submissions.models import Evaluation, Submission
phase = {phase!r}
rows = Submission.objects.filter(phase=phase)
print(json.dumps({{
    "statuses": dict(Counter(rows.values_list("status", flat=True))),
    "most_evaluations": max(Counter(Evaluation.objects.filter(submission__phase=phase)
                                    .values_list("submission", flat=True)).values(), default=0),
    "evaluations": Evaluation.objects.filter(submission__phase=phase).count(),
    "scored_events": sum(row.events.filter(to_status="scored").count() for row in rows),
    "most_attempts": max(rows.values_list("attempts", flat=True), default=0),
}}))
"""


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
    with served(tmp_path) as site, site.api(site.participant_token()) as client:
        big, small = site.open_phase("big", BIG), site.open_phase("small", SMALL)

        # 1. The worker dies in the middle of scoring.
        mine = client.submit(big, predictions(BIG, 3))
        wait_for(lambda: client.status(mine) == "scoring", MINUTE, "a worker claims it")
        signal_worker(site.process.pid, signal.SIGKILL)
        assert client.status(mine) == "scoring"  # it was in the middle, and nobody has noticed yet
        wait_for(lambda: client.status(mine) == "scored", MINUTE, "another worker scores it")
        tally = site.run(TALLY.format(phase=big))
        assert (tally["evaluations"], tally["scored_events"], tally["most_attempts"]) == (1, 1, 2)

        # 2. Fifty wait while no worker moves; then the broker forgets everything.
        signal_worker(site.process.pid, signal.SIGSTOP)
        waiting = [client.submit(small, predictions(SMALL, seed)) for seed in range(50)]
        broker = redis.Redis(unix_socket_path=str(socket_path(tmp_path)))
        assert broker.llen("scoring") > 0
        broker.flushall()
        broker.close()
        signal_worker(site.process.pid, signal.SIGCONT)
        wait_for(
            lambda: client.status(waiting[-1]) == "scored" and all(client.status(pk) == "scored" for pk in waiting),
            MINUTE,
            "all fifty are scored",
        )
        tally = site.run(TALLY.format(phase=small))
        assert tally["statuses"] == {"scored": 50}
        assert (tally["evaluations"], tally["most_evaluations"], tally["scored_events"]) == (50, 1, 50)
