"""Many workers at once, in real transactions: on SQLite here, on PostgreSQL through tests/test_on_postgres.py."""

import threading
import time
from collections import Counter

import pytest

from challenge.jobs import services
from challenge.jobs.folders import folder_of
from challenge.jobs.models import Job, JobItem
from challenge.jobs.worker import work_once
from tests.jobs.squares import BATCH, lines
from tests.submissions.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def work_until_nothing_is_left(_number: int) -> int:
    batches = idle = 0
    while idle < 3:
        if work_once():
            batches, idle = batches + 1, 0
        else:
            idle += 1
            time.sleep(0.05)
    return batches


def test_two_workers_never_hold_one_item_and_each_is_done_once(start, squares):
    job = start(30)
    held: Counter[int] = Counter()
    lock = threading.Lock()
    most: list[int] = []

    def before(batch):
        positions = [item.position for item in batch.items] if batch.stage == "square" else []
        with lock:
            held.update(positions)
            most.extend(held[position] for position in positions)
        time.sleep(0.01)
        with lock:
            held.subtract(positions)

    squares.before = before
    batches = at_once(4, work_until_nothing_is_left)
    job.refresh_from_db()
    assert job.state == "done"
    assert max(most) == 1
    assert sum(batches) == 30 // BATCH + 1
    assert lines(folder_of(job.pk)) == 30
    assert job.items.count() == 31
    assert set(job.items.values_list("attempts", flat=True)) == {1}


def test_a_pause_comes_before_a_claim_or_after_it(start, squares, admin):
    job = start(12)
    seen = []
    squares.before = lambda batch: seen.append(batch.stage)

    def act(number: int) -> None:
        if number == 0:
            services.pause(job, admin)
        else:
            work_once()

    at_once(4, act)
    done = len(seen)
    assert JobItem.objects.filter(job=job, state="done").count() == done * BATCH
    assert not work_once()
    assert Job.objects.get(pk=job.pk).state == "paused"


def test_of_admins_who_cancel_and_resume_at_once_the_history_is_one_path(start, admin):
    job = start(3)
    services.pause(job, admin)

    def act(number: int) -> bool:
        try:
            (services.cancel if number % 2 else services.resume)(job, admin)
        except services.JobRefused:
            return False
        return True

    outcomes = at_once(4, act)
    assert sum(outcomes[1::2]) == 1  # one cancels; of the others one may have resumed it before
    assert Job.objects.get(pk=job.pk).state == "cancelled"
