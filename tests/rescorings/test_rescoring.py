"""Scoring a phase again: in the background, beside what is in force, published at once or not at all."""

import datetime

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

import scoring
from challenge.analyses.analysis_run import analyse
from challenge.analyses.services import reconcile as reconcile_analyses
from challenge.core import work
from challenge.datasets import services as datasets
from challenge.datasets.services import current_answer_key
from challenge.leaderboards.board import board
from challenge.rescorings import rescoring_run
from challenge.rescorings.models import Rescored, Rescoring
from challenge.rescorings.rescoring_run import rescore
from challenge.rescorings.services import RescoringRefused, discard, publish, reconcile, retry
from challenge.submissions.intake import Method, receive_reference
from challenge.submissions.models import Evaluation, Submission
from challenge.submissions.scoring_run import claim, compute, finish, score
from tests.factories import answer_key_csv, new_answer_key, prediction_csv, upload
from tests.rescorings.conftest import begin, corrected_key, finished


def current(submission: Submission) -> Evaluation:
    return submission.evaluations.get(is_current=True)


def mains(phase) -> list[tuple[str, int | None, float]]:
    return [(row.label, row.rank, row.scores["main"]) for row in board(phase)]


def reference(world) -> Submission:
    submission = receive_reference(
        phase=world.development, upload=upload(prediction_csv(0.9, 5)), method=Method(name="NIQE"), actor=None
    )
    score(submission.pk)
    submission.refresh_from_db()
    return submission


def test_it_works(world, tmp_path):
    mine, theirs, baseline = world.scored(), world.scored(world.mallory, noise=0.8, seed=2), reference(world)
    before = mains(world.development)
    rescoring = finished(world)
    assert mains(world.development) == before  # nothing shows before it is published
    publish(rescoring, world.organiser)
    key = tmp_path / "key.csv"
    key.write_bytes(corrected_key())
    for submission in (mine, theirs, baseline):
        evaluation = current(submission)
        expected = scoring.evaluate(submission.file.path, key, [], bootstrap=0).to_dict()
        assert evaluation.result == expected
        assert evaluation.answer_key.version == 2
        assert dict(evaluation.scores.values_list("metric", "value"))["main"] == expected["main"]
        old = submission.evaluations.get(is_current=False)  # history stays
        assert old.answer_key.version == 1
        assert submission.events.filter(reason__startswith="scored again with key 2").exists()
    assert mains(world.development) != before
    assert current_answer_key(world.development).version == 2
    rescoring.refresh_from_db()
    assert (rescoring.decision, rescoring.decided_by) == ("published", world.organiser)


@pytest.mark.slow
def test_what_is_rescored_equals_a_fresh_scoring_to_the_last_digit(world):
    world.development.daily_quota = None
    world.development.save()
    rows = [world.scored(world.alice if n % 2 else world.mallory, noise=0.2 + n / 50, seed=n) for n in range(50)]
    publish(finished(world), world.organiser)
    for submission in rows:
        fresh, scores = compute(submission, current_answer_key(world.development))
        stored = current(submission)
        assert (stored.result, stored.rank_value) == (fresh.result, fresh.rank_value)
        assert dict(stored.scores.values_list("metric", "value")) == {one.metric: one.value for one in scores}


def test_a_new_formula_comes_into_force_with_its_scores(world):
    submission = world.scored()
    key = current_answer_key(world.development)
    publish(finished(world, formula="srocc", answer_key=key), world.organiser)
    world.development.refresh_from_db()
    assert world.development.formula == "srocc"
    evaluation = current(submission)
    assert (evaluation.formula, evaluation.result["main"]) == ("srocc", evaluation.result["srocc"])
    world.development.full_clean()


def test_a_new_scorer_version_scores_the_board_again(world, monkeypatch):
    submission = world.scored()
    monkeypatch.setattr(scoring, "SCORER_VERSION", "99.0.0")
    key = current_answer_key(world.development)
    publish(finished(world, answer_key=key), world.organiser)
    assert current(submission).scorer_version == "99.0.0"


def test_a_worker_with_another_scorer_does_not_do_it(world, monkeypatch):
    world.scored()
    rescoring = begin(world)
    monkeypatch.setattr(scoring, "SCORER_VERSION", "99.0.0")
    rescore(rescoring.pk)
    rescoring.refresh_from_db()
    assert rescoring.state == "failed"
    assert "this worker has 99.0.0" in rescoring.failure


def test_going_back_uses_the_evaluations_that_are_there(world):
    submission = world.scored()
    first = current(submission)
    publish(finished(world), world.organiser)
    back = finished(world, answer_key=first.answer_key)
    publish(back, world.organiser)
    assert current(submission) == first
    assert submission.evaluations.count() == 2
    assert current_answer_key(world.development).version == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"formula": "fame"}, "fame"),
        ({"formula": "auc_bw"}, "lacks the column"),
        ({"reason": "  "}, "Say why"),
    ],
)
def test_what_cannot_be_started_says_why(world, changes, message):
    world.scored()
    with pytest.raises(RescoringRefused, match=message):
        begin(world, **changes)
    assert not Rescoring.objects.exists()


def test_a_key_that_failed_its_check_and_a_rescoring_without_effect_are_refused(world):
    world.scored()
    wrong = new_answer_key(world.development, scale=(4.0, 5.0))
    with pytest.raises(RescoringRefused, match="not passed"):
        begin(world, answer_key=wrong)
    elsewhere = current_answer_key(world.final)
    with pytest.raises(RescoringRefused, match="not passed"):
        begin(world, answer_key=elsewhere)
    with pytest.raises(RescoringRefused, match="Nothing would change"):
        begin(world, answer_key=current_answer_key(world.development))


def test_one_is_open_at_a_time(world):
    world.scored()
    rescoring = begin(world)
    with pytest.raises(RescoringRefused, match="is open"):
        begin(world)
    values = {name: getattr(rescoring, name) for name in ("phase", "answer_key", "formula", "scorer_version")}
    with pytest.raises(IntegrityError), transaction.atomic():
        Rescoring.objects.create(**values, reason="x")


def test_a_phase_without_scores_just_gets_key_and_formula(world):
    waiting = world.submit()
    publish(finished(world, formula="krocc"), world.organiser)
    score(waiting.pk)
    evaluation = current(waiting)
    assert (evaluation.formula, evaluation.answer_key.version) == ("krocc", 2)


# --- meanwhile --------------------------------------------------------------------------------------------------------
def test_what_is_scored_meanwhile_gets_the_key_in_force_and_joins(world, bells, django_capture_on_commit_callbacks):
    world.scored()
    rescoring = finished(world)
    with django_capture_on_commit_callbacks(execute=True):
        late = world.scored(world.mallory, seed=3)
    assert current(late).answer_key.version == 1
    assert ("rescorings.rescore", str(rescoring.pk)) in bells
    with pytest.raises(RescoringRefused, match="1 file that was scored meanwhile"):
        publish(rescoring, world.organiser)
    assert current_answer_key(world.development).version == 1
    rescore(rescoring.pk)
    publish(rescoring, world.organiser)
    assert current(late).answer_key.version == 2


def test_a_score_that_slips_past_the_end_of_the_work_is_noticed_by_the_reconciler(world, bells):
    world.scored()
    rescoring = finished(world)
    late = world.scored(world.mallory, seed=3)
    Rescoring.objects.update(state="done", next_ring_at=timezone.now() - datetime.timedelta(seconds=1))
    reconcile()
    assert ("rescorings.rescore", str(rescoring.pk)) in bells
    rescore(rescoring.pk)
    assert Rescored.objects.filter(submission=late).exists()


def test_publishing_while_a_file_is_scored_sends_it_through_again_with_the_new_key(world, bells):
    world.scored()
    rescoring = finished(world)
    submission = world.submit(world.mallory, seed=4)
    held = claim(submission.pk)
    old = compute(submission, current_answer_key(world.development))
    publish(rescoring, world.organiser)
    assert not finish(held, world.development, *old)
    submission.refresh_from_db()
    assert (submission.status, submission.attempts) == ("queued", 0)
    assert not submission.evaluations.exists()
    score(submission.pk)
    assert current(submission).answer_key.version == 2


def test_a_discarded_rescoring_changes_nothing_and_stops_its_worker(world, monkeypatch):
    mine, theirs = world.scored(), world.scored(world.mallory, seed=2)
    before = mains(world.development)
    rescoring = begin(world)
    original = rescoring_run.rescore_one

    def one_then_discard(run, submission):
        original(run, submission)
        discard(run, world.organiser)

    monkeypatch.setattr(rescoring_run, "rescore_one", one_then_discard)
    rescore(rescoring.pk)
    rescoring.refresh_from_db()
    assert (rescoring.state, rescoring.decision) == ("failed", "discarded")
    assert rescoring.rescored.count() == 1
    assert mains(world.development) == before
    assert [one.evaluations.filter(is_current=True).count() for one in (mine, theirs)] == [1, 1]
    for decide in (discard, publish):
        with pytest.raises(RescoringRefused, match="discarded already"):
            decide(rescoring, world.organiser)
    assert not retry(rescoring, world.organiser)
    monkeypatch.setattr(rescoring_run, "rescore_one", original)
    publish(finished(world, answer_key=rescoring.answer_key), world.organiser)
    assert mine.evaluations.count() == 2  # the evaluation of the discarded one was used


# --- workers that fail ------------------------------------------------------------------------------------------------
def test_a_killed_worker_is_replaced_and_nothing_is_scored_twice(world, monkeypatch):
    for seed in range(3):
        world.scored(seed=seed)
    rescoring = begin(world)
    original, calls = compute, []

    def killed_at_the_second(submission, *args):
        calls.append(submission.pk)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(submission, *args)

    monkeypatch.setattr(rescoring_run, "compute", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        rescore(rescoring.pk)
    assert rescoring.rescored.count() == 1
    Rescoring.objects.update(lease_expires_at=timezone.now() - datetime.timedelta(seconds=1))
    rescore(rescoring.pk)
    rescoring.refresh_from_db()
    assert (rescoring.state, rescoring.rescored.count()) == ("done", 3)
    assert len(calls) == 4  # the one that was interrupted once more, the first not again


def test_a_slice_gives_way_and_the_next_goes_on(world, monkeypatch, bells):
    for seed in range(3):
        world.scored(seed=seed)
    rescoring = begin(world)
    monkeypatch.setattr(rescoring_run, "SLICE_SECONDS", -1.0)
    rescore(rescoring.pk)
    rescoring.refresh_from_db()
    assert (rescoring.state, rescoring.attempts) == ("waiting", 0)
    assert bells[-1] == ("rescorings.rescore", str(rescoring.pk))
    monkeypatch.setattr(rescoring_run, "SLICE_SECONDS", 60.0)
    rescore(rescoring.pk)
    assert rescoring.rescored.count() == 3


def test_a_second_worker_that_does_the_same_leaves_what_is_there(world):
    submission = world.scored()
    rescoring = begin(world)
    rescoring_run.rescore_one(rescoring, submission)
    rescoring_run.rescore_one(rescoring, submission)
    assert rescoring.rescored.count() == 1
    assert submission.evaluations.count() == 2


def test_a_worker_without_the_private_key_leaves_it_waiting(world, settings):
    world.scored()
    rescoring = begin(world)
    settings.ANSWER_KEY_PRIVATE_KEY_FILE = ""
    datasets._table.cache_clear()
    rescore(rescoring.pk)
    rescoring.refresh_from_db()
    assert (rescoring.state, rescoring.attempts) == ("waiting", 0)


def test_an_error_of_ours_ends_in_a_failure_that_can_be_continued(world, monkeypatch, settings):
    world.scored()
    rescoring = begin(world)
    monkeypatch.setattr(rescoring_run, "rescore_one", lambda *_: 1 / 0)
    for _ in range(settings.SCORING_MAX_ATTEMPTS):
        rescore(rescoring.pk)
    rescoring.refresh_from_db()
    assert (rescoring.state, rescoring.decision) == ("failed", "open")
    with pytest.raises(RescoringRefused, match="It failed"):
        publish(rescoring, world.organiser)
    monkeypatch.undo()
    assert retry(rescoring, world.organiser)
    rescore(rescoring.pk)
    publish(rescoring, world.organiser)


# --- files that get no score ------------------------------------------------------------------------------------------
def fewer_names() -> bytes:
    return answer_key_csv().replace(b"img_000.png", b"img_new.png")


def test_a_file_that_does_not_match_the_new_key_leaves_the_board_with_a_reason(world, client):
    submission = world.scored()
    rescoring = finished(world, answer_key=new_answer_key(world.development, fewer_names()))
    item = rescoring.rescored.get()
    assert "does not match the list of images" in item.failure
    publish(rescoring, world.organiser)
    assert board(world.development) == []
    assert not submission.evaluations.filter(is_current=True).exists()
    assert submission.events.filter(reason__startswith="no score any more").exists()
    client.force_login(world.alice)
    page = client.get(submission.get_absolute_url()).content.decode()
    assert "this file has no score any more" in page
    assert "img_new.png" in page


def test_a_stored_file_that_is_gone_or_changed_is_a_reason_not_the_end(world):
    from pathlib import Path

    mine, theirs, last = world.scored(), world.scored(world.mallory, seed=2), world.scored(seed=3)
    Path(mine.file.path).unlink()
    with open(theirs.file.path, "ab") as stream:
        stream.write(b"img_999.png,1\n")
    rescoring = finished(world)
    failures = {item.submission_id: item.failure for item in rescoring.rescored.all()}
    assert "cannot be read" in failures[mine.pk]
    assert "not the one that was accepted" in failures[theirs.pk]
    assert failures[last.pk] == ""


# --- what comes after -------------------------------------------------------------------------------------------------
def test_the_analyses_come_after_publishing(world, bells):
    submission = world.scored()
    rescoring = finished(world)
    new = submission.evaluations.get(is_current=False)
    assert not hasattr(new, "analysis")
    publish(rescoring, world.organiser)
    reconcile_analyses()
    assert ("analyses.analyse", str(new.pk)) in bells
    analyse(new.pk)
    new = current(submission)
    assert new.analysis.state == "done"
    assert (new.analysis.result or {})["main"] == new.result["main"]


def test_an_analysis_of_another_scorer_says_what_to_do(world, monkeypatch):
    evaluation = current(world.scored())
    monkeypatch.setattr(scoring, "SCORER_VERSION", "99.0.0")
    analyse(evaluation.pk)
    evaluation.analysis.refresh_from_db()
    assert "Score it again" in evaluation.analysis.failure


def test_a_published_board_has_a_new_version(world):
    world.scored()
    rescoring = finished(world)
    world.development.refresh_from_db()
    before = world.development.board_version
    publish(rescoring, world.organiser)
    world.development.refresh_from_db()
    assert world.development.board_version > before


def test_work_that_was_published_must_be_done(world):
    world.scored()
    rescoring = begin(world)
    with pytest.raises(IntegrityError), transaction.atomic():
        Rescoring.objects.filter(pk=rescoring.pk).update(decision="published", decided_at=timezone.now())


def test_an_evaluation_in_force_was_published(world):
    evaluation = current(world.scored())
    with pytest.raises(IntegrityError), transaction.atomic():
        Evaluation.objects.filter(pk=evaluation.pk).update(published_at=None)


def test_starting_calls_a_worker(world, bells, django_capture_on_commit_callbacks):
    world.scored()
    with django_capture_on_commit_callbacks(execute=True):
        rescoring = begin(world)
    assert ("rescorings.rescore", str(rescoring.pk)) in bells
    assert work.claim(Rescoring, rescoring.pk) is not None
    assert work.claim(Rescoring, rescoring.pk) is None


def test_a_phase_that_nobody_submitted_to_can_be_deleted_with_its_rescorings(world):
    rescoring = finished(world, formula="krocc")
    publish(rescoring, world.organiser)
    world.development.delete()
    assert not Rescoring.objects.exists()
