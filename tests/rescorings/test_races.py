"""Many at once, in real transactions: on SQLite here, on PostgreSQL through tests/test_on_postgres.py."""

import pytest

from challenge.leaderboards.board import board
from challenge.rescorings.models import Rescored, Rescoring
from challenge.rescorings.rescoring_run import rescore
from challenge.rescorings.services import RescoringRefused, discard, publish, start
from challenge.submissions.models import Evaluation, Submission, SubmissionEvent
from challenge.submissions.scoring_run import score
from tests.factories import make_world, new_answer_key
from tests.rescorings.conftest import begin, corrected_key, finished
from tests.submissions.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def refused(act) -> bool:
    try:
        act()
    except RescoringRefused:
        return True
    return False


def test_of_organisers_who_publish_or_discard_at_once_one_decides():
    world = make_world()
    submission = world.scored()
    for _ in range(3):
        key = new_answer_key(world.development, corrected_key())
        rescoring = finished(world, answer_key=key)
        decide = [publish, publish, discard, publish]
        outcomes = at_once(4, lambda n, run=rescoring, acts=decide: refused(lambda: acts[n](run, world.organiser)))
        assert sorted(outcomes) == [False, True, True, True]
        rescoring.refresh_from_db()
        assert rescoring.decision in ("published", "discarded")
        in_force = submission.evaluations.get(is_current=True)
        assert (in_force.answer_key == key) == (rescoring.decision == "published")
        events = SubmissionEvent.objects.filter(reason__startswith=f"scored again with key {key.version},")
        assert events.count() == (rescoring.decision == "published")


def test_of_organisers_who_start_at_once_one_does():
    world = make_world()
    world.scored()
    key = new_answer_key(world.development, corrected_key())

    def begin_one(_number: int) -> bool:
        values = {"answer_key": key, "formula": world.development.formula, "reason": "x", "actor": world.organiser}
        return refused(lambda: start(phase=world.development, **values))

    assert sorted(at_once(5, begin_one)) == [False, True, True, True, True]
    assert Rescoring.objects.count() == 1


def test_publishing_while_files_are_scored_never_mixes_two_keys(rung):
    world = make_world()
    world.development.daily_quota = None
    world.development.save()
    for round_number in range(4):
        world.scored(seed=round_number)
        rescoring = finished(world)
        waiting = [world.submit(world.mallory, seed=100 + 10 * round_number + n) for n in range(3)]

        def act(number: int, run=rescoring, rows=waiting) -> None:
            if number == 3:
                refused(lambda: publish(run, world.organiser))
            else:
                score(rows[number].pk)

        at_once(4, act)
        while Rescoring.objects.get(pk=rescoring.pk).decision == "open":  # refused: files were scored before
            rescore(rescoring.pk)
            refused(lambda run=rescoring: publish(run, world.organiser))
        for submission in Submission.objects.filter(status="queued"):  # sent through again
            score(submission.pk)
        assert set(Submission.objects.values_list("status", flat=True)) == {"scored"}
        in_force = Evaluation.objects.filter(is_current=True)
        assert in_force.count() == Submission.objects.count()
        assert set(in_force.values_list("answer_key", flat=True)) == {rescoring.answer_key_id}
    assert len(board(world.development)) == 2


def test_two_workers_on_one_rescoring_score_each_file_once():
    world = make_world()
    for seed in range(4):
        world.scored(seed=seed)
    rescoring = begin(world)
    at_once(4, lambda _: rescore(rescoring.pk))
    assert Rescored.objects.count() == 4
    assert Evaluation.objects.filter(answer_key=rescoring.answer_key).count() == 4
    rescoring.refresh_from_db()
    assert rescoring.state == "done"
