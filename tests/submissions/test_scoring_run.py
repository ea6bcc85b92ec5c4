"""What a worker does: claim, compute, finish, and every way that can go wrong."""

import datetime
import threading
import time
import uuid

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import IntegrityError, transaction
from django.utils import timezone

import scoring
from challenge.core.work import heartbeat
from challenge.datasets.services import current_answer_key
from challenge.submissions import scoring_run
from challenge.submissions.models import Evaluation, Score, Submission
from challenge.submissions.reconcile import reconcile
from challenge.submissions.scoring_run import claim, compute, finish, score
from challenge.submissions.services import withdraw
from tests.factories import answer_key_csv, new_answer_key, prediction_csv


def lose_worker(submission: Submission) -> None:
    """As if the worker had been killed: the claim stays, the lease has run out, the next call is due."""
    past = timezone.now() - datetime.timedelta(seconds=1)
    Submission.objects.filter(pk=submission.pk).update(lease_expires_at=past, next_ring_at=past)


def test_it_works(world, tmp_path):
    submission = world.scored()
    assert submission.status == "scored"
    assert submission.finished_at is not None
    evaluation = submission.evaluations.get()
    key, predictions = tmp_path / "key.csv", tmp_path / "predictions.csv"
    key.write_bytes(answer_key_csv())
    predictions.write_bytes(prediction_csv())
    assert evaluation.result == scoring.evaluate(predictions, key, [], bootstrap=0).to_dict()
    stored = dict(evaluation.scores.values_list("metric", "value"))
    assert stored == {metric: evaluation.result[metric] for metric in Score.Metric.values}
    assert evaluation.rank_value == round(evaluation.result["main"], 6)


def test_the_phase_formula_gives_the_main_score(world):
    world.development.formula = "0.25 * srocc + 0.75 * abs(krocc)"
    world.development.save()
    result = world.scored().evaluations.get().result
    assert result["main"] == pytest.approx(0.25 * result["srocc"] + 0.75 * abs(result["krocc"]))


def test_undefined_metrics_have_a_reason_and_no_score_row(world):
    content = "".join(f"img_{i:03d}.png,3\n" for i in range(60)).encode()
    submission = world.scored(content=content)
    evaluation = submission.evaluations.get()
    assert submission.status == "scored"
    assert evaluation.rank_value is None
    assert evaluation.result["reasons"]["main"]
    assert not evaluation.scores.filter(metric__in=["main", "srocc", "plcc"]).exists()


def test_predictions_that_no_axis_can_hold_are_scored_all_the_same(world):
    content = "".join(f"img_{i:03d}.png,{(-1) ** i * 1.7e308 * (i / 60):.6e}\n" for i in range(60)).encode()
    submission = world.scored(content=content)
    assert submission.status == "scored"


def test_only_one_of_two_workers_gets_the_claim(world):
    submission = world.submit()
    assert claim(submission.pk) is not None
    assert claim(submission.pk) is None


def test_a_lost_worker_is_replaced_and_writes_nothing_when_it_comes_back(world, rung):
    submission = world.submit()
    first = claim(submission.pk)
    lose_worker(submission)
    assert reconcile().rung == 1
    second = claim(submission.pk)
    assert second.attempt == 2
    late = compute(submission, current_answer_key(world.development))
    assert not finish(first, world.development, *late)
    assert not Evaluation.objects.exists()
    assert finish(second, world.development, *late)
    assert Evaluation.objects.count() == 1


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (SoftTimeLimitExceeded(), "failed", "took longer"),
        (MemoryError(), "failed", "memory"),
        (RuntimeError("bug"), "queued", ""),
    ],
)
def test_whatever_goes_wrong_the_submission_is_final_or_waits(world, monkeypatch, error, status, text):
    submission = world.submit()

    def explode(*_args: object) -> None:
        raise error

    monkeypatch.setattr(scoring_run, "compute", explode)
    score(submission.pk)
    submission.refresh_from_db()
    assert submission.status == status
    assert text in submission.failure


def test_an_error_that_stays_fails_the_submission_after_the_last_attempt(world, monkeypatch, settings):
    submission = world.submit()
    monkeypatch.setattr(scoring_run, "compute", lambda *_: 1 / 0)
    for _ in range(settings.SCORING_MAX_ATTEMPTS):
        score(submission.pk)
    submission.refresh_from_db()
    assert submission.status == "failed"
    assert submission.refund_reason


def test_a_worker_without_the_private_key_gives_the_work_back_and_loses_nothing(world, settings):
    from challenge.datasets import services

    submission = world.submit()
    private, settings.ANSWER_KEY_PRIVATE_KEY_FILE = settings.ANSWER_KEY_PRIVATE_KEY_FILE, ""
    services._table.cache_clear()
    for _ in range(settings.SCORING_MAX_ATTEMPTS + 1):
        score(submission.pk)
    submission.refresh_from_db()
    assert (submission.status, submission.attempts) == ("queued", 0)
    assert submission.events.count() == 2  # nothing was written in its history either
    settings.ANSWER_KEY_PRIVATE_KEY_FILE = private
    score(submission.pk)
    submission.refresh_from_db()
    assert submission.status == "scored"


def test_a_file_that_changed_on_disk_is_not_scored(world):
    submission = world.submit()
    with open(submission.file.path, "ab") as stream:
        stream.write(b"img_999.png,1\n")
    score(submission.pk)
    submission.refresh_from_db()
    assert submission.status == "queued"
    assert not submission.evaluations.exists()


def test_a_key_whose_names_changed_fails_the_file_with_a_reason(world):
    submission = world.submit()
    renamed = answer_key_csv().replace(b"img_000.png", b"img_new.png")
    new_answer_key(world.development, renamed)
    score(submission.pk)
    submission.refresh_from_db()
    assert submission.status == "failed"
    assert "no longer matches" in submission.failure
    assert submission.refund_reason


def test_a_withdrawn_submission_is_not_scored_even_by_the_worker_that_has_it(world):
    submission = world.submit()
    held = claim(submission.pk)
    evaluation = compute(submission, current_answer_key(world.development))
    assert withdraw(submission, world.alice)
    assert not finish(held, world.development, *evaluation)
    submission.refresh_from_db()
    assert submission.status == "withdrawn"


def test_the_same_key_and_scorer_cannot_score_twice(world):
    evaluation = world.scored().evaluations.get()
    evaluation.pk, evaluation.is_current = uuid.uuid4(), False
    with pytest.raises(IntegrityError), transaction.atomic():
        evaluation.save(force_insert=True)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_the_database_holds_no_score_that_is_not_finite(world, value):
    evaluation = world.scored().evaluations.get()
    evaluation.scores.all().delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        Score.objects.create(evaluation=evaluation, metric="main", value=value)


def test_a_result_raises_the_version_of_the_board(world):
    before = world.development.board_version
    world.scored()
    world.development.refresh_from_db()
    assert world.development.board_version == before + 1


@pytest.mark.django_db(transaction=True)
def test_the_heartbeat_renews_the_lease_while_the_work_goes_on(settings):
    from tests.factories import make_world

    settings.SCORING_HEARTBEAT_SECONDS = 0.05
    world = make_world()
    submission = world.submit()
    held = claim(submission.pk)
    first = Submission.objects.get(pk=submission.pk).lease_expires_at
    with heartbeat(held.rows):
        time.sleep(0.4)
    assert Submission.objects.get(pk=submission.pk).lease_expires_at > first
    assert not [thread for thread in threading.enumerate() if thread.name == "lease-heartbeat"]
