"""The reconciler: nothing accepted is forgotten, nothing is called for too often."""

import datetime

from django.utils import timezone

from challenge.core import work
from challenge.submissions import tasks
from challenge.submissions.models import Submission
from challenge.submissions.reconcile import reconcile
from challenge.submissions.scoring_run import claim


def make_due(**changes) -> None:
    Submission.objects.update(next_ring_at=timezone.now() - datetime.timedelta(seconds=1), **changes)


def test_a_submission_whose_call_was_lost_is_called_for_again(world, rung):
    submission = world.submit()
    make_due()
    assert reconcile().rung == 1
    assert rung == [str(submission.pk)]


def test_it_waits_longer_before_each_call_but_never_more_than_a_minute(world, rung):
    world.submit()
    waits = []
    for _ in range(5):
        make_due()
        now = timezone.now()
        reconcile()
        waits.append(round((Submission.objects.get().next_ring_at - now).total_seconds()))
    assert waits == [15, 30, 60, 60, 60]
    assert reconcile().rung == 0


def test_it_leaves_a_live_worker_and_final_rows_alone(world, rung):
    live = world.submit()
    assert claim(live.pk)
    world.scored(seed=2)
    make_due()
    assert reconcile() == reconcile().__class__(0, 0)
    assert rung == []


def test_without_a_broker_it_stops_after_the_first_call_and_finds_the_rest_later(world, monkeypatch):
    for seed in range(3):
        world.submit(seed=seed)
    make_due()
    monkeypatch.setattr(work, "ring_bell", lambda *_: False)
    assert reconcile().rung == 0
    assert Submission.objects.filter(next_ring_at__lte=timezone.now()).count() == 2


def test_a_dead_broker_does_not_fail_a_submission(world, settings, django_capture_on_commit_callbacks, monkeypatch):
    from kombu.exceptions import OperationalError

    def refuse(**_kwargs):
        raise OperationalError("no broker")

    monkeypatch.setattr(tasks.score_submission, "apply_async", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        submission = world.submit()
    submission.refresh_from_db()
    assert submission.status == "queued"


def test_one_row_that_cannot_be_written_does_not_keep_the_others_waiting(world, rung, monkeypatch):
    from django.db import DatabaseError

    import challenge.submissions.reconcile as module

    broken, fine = world.submit(seed=1), world.submit(seed=2)
    make_due()
    real = module.ring  # type: ignore[attr-defined]

    def ring(pk, rings):
        if pk == broken.pk:
            raise DatabaseError("out of range")
        return real(pk, rings)

    monkeypatch.setattr(module, "ring", ring)
    assert reconcile().rung == 1
    assert rung == [str(fine.pk)]
