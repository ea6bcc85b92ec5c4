"""The site under load: the real `manage.py serve`, real HTTP, broker and database, the clients on the same machine.

Upload to scored is measured by the server's own clock: from the moment the request arrived (`received_at`) to the
commit of the result (`finished_at`).
"""

import http.client
import random
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from tests.served import Site, predictions, served

ROWS, GENERATORS = 4000, 15
PACED_SECONDS, PACED_RATE = 20, 5
BURST, CLIENTS = 300, 8
TEAMS, SUBMISSIONS = 200, 5000
BOARD_SECONDS, BOARD_CLIENTS = 5, 8

LATENCIES = """
import json
from challenge.submissions.models import Submission
rows = Submission.objects.filter(phase="{phase}").order_by("received_at")
print(json.dumps({{
    "statuses": list(rows.values_list("status", flat=True)),
    "latencies": [(row.finished_at - row.received_at).total_seconds() for row in rows if row.finished_at],
    "ids": [str(row.pk) for row in rows if row.finished_at],
    "span": (max(row.finished_at or row.received_at for row in rows) - rows[0].received_at).total_seconds(),
}}))
"""
FILL_BOARD = """
import datetime, json, random
from django.utils import timezone
from challenge.contests.models import Phase, Team
from challenge.datasets.models import AnswerKey
from challenge.submissions.models import Evaluation, Score, Submission
rng = random.Random(1)
phase = Phase.objects.get(pk="{phase}")
key = AnswerKey.objects.get(phase=phase, is_current=True)
teams = [Team(challenge=phase.challenge, name=f"Team {{n}}") for n in range({teams})]
Team.objects.bulk_create(teams)
now = timezone.now()
submissions, evaluations, scores = [], [], []
for n in range({submissions}):
    team = teams[n % {teams}]
    at = now - datetime.timedelta(seconds={submissions} - n)
    submission = Submission(phase=phase, team=team, status="scored", method_name="method", file_name="p.csv",
                            file_size=1, sha256="0", rows=1, received_at=at, finished_at=at, quota_day=at.date(),
                            day_slot=n + 1, phase_slot=n + 1)
    value = rng.uniform(-1, 1)
    groups = {{f"g{{i}}": {{"srocc": value, "krocc": value, "plcc": value, "n": 260}} for i in range(15)}}
    evaluation = Evaluation(submission=submission, answer_key=key, scorer_version="bench", formula=phase.formula,
                            rank_value=round(value, 6), duration_ms=1.0,
                            result={{"main": value, "reasons": {{}}, "subsets": {{"generator": groups}}}})
    submissions.append(submission)
    evaluations.append(evaluation)
    scores += [Score(evaluation=evaluation, metric=m, value=value) for m in ("main", "srocc", "krocc", "plcc", "rmse")]
Submission.objects.bulk_create(submissions, batch_size=500)
Evaluation.objects.bulk_create(evaluations, batch_size=500)
Score.objects.bulk_create(scores, batch_size=2000)
print(json.dumps(f"/c/{{phase.challenge.slug}}/{{phase.slug}}/leaderboard/"))
"""
TOUCH_BOARD = """
import json, sys, time
from django.db.models import F
from challenge.contests.models import Phase
end = time.monotonic() + {seconds}
while time.monotonic() < end:
    Phase.objects.filter(pk="{phase}").update(board_version=F("board_version") + 1)
    time.sleep(0.04)
print(json.dumps(0))
"""


def main() -> None:
    """All of it, once with one scoring process and once with two."""
    for workers in (1, 2):
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as folder,
            served(Path(folder), "--workers", str(workers)) as site,
        ):
            print(f"### Upload to scored, {ROWS} rows, scoring processes: {workers}\n")
            _pipeline(site)
            if workers == 2:
                print(f"### Leaderboard, {TEAMS} teams, {SUBMISSIONS} submissions\n")
                _leaderboard(site)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _milliseconds(values: Sequence[float]) -> str:
    return f"{percentile(values, 0.5) * 1e3:.0f} / {percentile(values, 0.95) * 1e3:.0f} / {max(values) * 1e3:.0f}"


# --- uploads ----------------------------------------------------------------------------------------------------------
def _pipeline(site: Site) -> None:
    token = site.participant_token()
    files = [predictions(ROWS, seed) for seed in range(1, 41)]
    print("| load | POST p50 / p95 / max ms | upload to scored p50 / p95 / max ms | all scored after | scored per s |")
    print("|---|---|---|---|---|")
    idle = site.open_phase("idle", ROWS, GENERATORS)
    posts = _paced(site, token, idle, files, PACED_SECONDS)
    _report(site, f"{PACED_RATE} a second for {PACED_SECONDS} s, {GENERATORS} subsets", posts, idle)
    for slug, generators in (("plain", 0), ("burst", GENERATORS)):
        burst = site.open_phase(slug, ROWS, generators)
        posts = _burst(site, token, burst, files, BURST)
        _report(site, f"burst of {BURST} from {CLIENTS} clients, {generators} subsets", posts, burst)
    behind, late = site.open_phase("behind", ROWS, GENERATORS), site.open_phase("late", ROWS, GENERATORS)
    _burst(site, token, behind, files, BURST)
    posts = _paced(site, token, late, files, 4)
    _report(site, f"{PACED_RATE} a second with {BURST} queued before, {GENERATORS} subsets", posts, late)
    print()


def _paced(site: Site, token: str, phase: str, files: list[bytes], seconds: int) -> list[float]:
    """POST times of uploads at PACED_RATE a second, each on its own connection as separate people have."""
    times: list[float] = []

    def post(number: int) -> None:
        with site.api(token) as client:
            started = time.perf_counter()
            client.submit(phase, files[number % len(files)])
            times.append(time.perf_counter() - started)

    threads = []
    for number in range(seconds * PACED_RATE):
        threads.append(threading.Thread(target=post, args=(number,)))
        threads[-1].start()
        time.sleep(1 / PACED_RATE)
    for thread in threads:
        thread.join()
    return times


def _burst(site: Site, token: str, phase: str, files: list[bytes], count: int) -> list[float]:
    """POST times of `count` uploads, as fast as CLIENTS clients can send them."""

    def post_share(first: int) -> list[float]:
        times = []
        with site.api(token) as client:
            for number in range(first, count, CLIENTS):
                started = time.perf_counter()
                client.submit(phase, files[number % len(files)])
                times.append(time.perf_counter() - started)
        return times

    with ThreadPoolExecutor(CLIENTS) as pool:
        return [elapsed for share in pool.map(post_share, range(CLIENTS)) for elapsed in share]


def _report(site: Site, load: str, posts: list[float], phase: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        found = site.run(LATENCIES.format(phase=phase))
        if set(found["statuses"]) == {"scored"} or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    lost = len(found["statuses"]) - found["statuses"].count("scored")
    print(
        f"| {load} | {_milliseconds(posts)} | {_milliseconds(found['latencies'])} | {found['span']:.1f} s"
        f"{f', NOT SCORED: {lost}' if lost else ''} | {len(found['latencies']) / found['span']:.1f} |",
        flush=True,
    )


# --- leaderboard ------------------------------------------------------------------------------------------------------
def _leaderboard(site: Site) -> None:
    phase = site.open_phase("board", 100)
    path = site.run(FILL_BOARD.format(phase=phase, teams=TEAMS, submissions=SUBMISSIONS))
    print("| requests | per second | p50 / p95 / max ms |")
    print("|---|---|---|")
    _get(site, path, 1.0)
    print(f"| cached, {BOARD_CLIENTS} clients | {_rate(_get(site, path, BOARD_SECONDS))} |", flush=True)
    # Uncached: a new result lands all the time, one client looks at the live table, which no visitor's cache serves.
    touching = threading.Thread(
        target=lambda: site.run(TOUCH_BOARD.format(phase=phase, seconds=BOARD_SECONDS + 6)), daemon=True
    )
    touching.start()
    time.sleep(4)  # until the other process is up
    times = _get(site, path + "table/", BOARD_SECONDS, clients=1, pause=lambda: random.uniform(0.05, 0.1))
    print(f"| uncached (a result lands every 40 ms), 1 client | – | {_milliseconds(times)} |\n", flush=True)
    touching.join()


def _get(
    site: Site, path: str, seconds: float, clients: int = BOARD_CLIENTS, pause: Callable[[], float] | None = None
) -> list[float]:
    """Times of GETs over kept connections, as many as `clients` get answered in `seconds`."""

    def loop(_: int) -> list[float]:
        times = []
        connection = http.client.HTTPConnection(urlsplit(site.url).netloc, timeout=30)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            started = time.perf_counter()
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == http.HTTPStatus.OK, answer.status
            times.append(time.perf_counter() - started)
            if pause:
                time.sleep(pause())
        connection.close()
        return times

    with ThreadPoolExecutor(clients) as pool:
        return [elapsed for share in pool.map(loop, range(clients)) for elapsed in share]


def _rate(times: list[float]) -> str:
    return f"{len(times) / BOARD_SECONDS:.0f} | {_milliseconds(times)}"


if __name__ == "__main__":
    main()
