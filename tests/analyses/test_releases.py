"""A phase with a Ladder: what its teams are shown is the library's fold, whatever was worked out first."""

import datetime
import random

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from challenge.analyses import tasks
from challenge.analyses.analysis_run import analyse, draws_of
from challenge.analyses.models import Analysis, Release
from challenge.analyses.release_run import release
from challenge.analyses.services import reconcile
from challenge.core import work
from challenge.leaderboards.board import board
from challenge.leaderboards.released import released_board
from challenge.submissions.intake import Method, receive_reference
from challenge.submissions.models import Evaluation, Submission
from challenge.submissions.scoring_run import score
from challenge.submissions.services import fail, withdraw
from scoring.ladder import Submitted, releases
from tests.factories import IMAGES, prediction_csv, upload

NOISES = [2.0, 2.05, 0.3, 1.0, 0.05]
CONSTANT = "".join(f"{name},3\n" for name in IMAGES).encode()


@pytest.fixture
def ladder(world):
    """The world whose development phase has a Ladder, and no quota."""
    phase = world.development
    phase.release_rule, phase.shows_fit, phase.daily_quota = "ladder", False, None
    phase.full_clean()
    phase.save()
    return world


@pytest.fixture
def bells(monkeypatch):
    """(task name, argument) of every call for a worker, instead of a broker."""
    calls = []

    def ring_bell(task, *arguments):
        calls.append((task.name, str(arguments[0])))
        return True

    monkeypatch.setattr(work, "ring_bell", ring_bell)
    monkeypatch.setattr("challenge.analyses.services.ring_bell", ring_bell)
    return calls


def evaluation_of(submission):
    return submission.evaluations.get(is_current=True)


def finish(submission):
    """Everything that workers do for one submission."""
    score(submission.pk)
    analyse(evaluation_of(submission).pk)
    release(evaluation_of(submission).pk)


def shown():
    """(shown, moved) of all releases in order of acceptance."""
    rows = Release.objects.order_by("evaluation__submission__created_at")
    return list(rows.values_list("shown", "moved"))


def expected(submissions, **options):
    """The library's fold over them."""
    rows = []
    for number, submission in enumerate(submissions):
        evaluation = evaluation_of(submission)
        rows.append(Submitted(number, evaluation.result["main"], draws_of(evaluation.analysis)))
    return [(one.shown, one.moved) for _, one in releases(rows, **{"decimals": 2, **options})]


def test_releases_are_the_librarys_fold_in_whatever_order_they_were_scored(ladder):
    submissions = [ladder.submit(noise=noise, seed=3) for noise in NOISES]
    shuffled = submissions[:]
    random.Random(5).shuffle(shuffled)
    for submission in shuffled:
        finish(submission)
    release(evaluation_of(submissions[-1]).pk)
    assert shown() == expected(submissions)
    assert {moved for _, moved in shown()} == {True, False}


def test_a_submission_waits_for_earlier_ones_of_its_team_and_for_no_other(ladder, bells):
    first, second = ladder.submit(noise=2.0), ladder.submit(noise=0.1)
    finish(second)
    assert shown() == []
    finish(ladder.submit(ladder.mallory))
    assert len(shown()) == 1
    finish(first)
    assert len(shown()) == 3


@pytest.mark.parametrize("leave", ["failed", "withdrawn"])
def test_one_that_is_out_keeps_nobody_waiting(ladder, bells, leave):
    first, second = ladder.submit(), ladder.submit(noise=0.1)
    finish(second)
    past = timezone.now() - datetime.timedelta(seconds=1)
    Analysis.objects.update(next_ring_at=past)
    assert ("analyses.release", str(evaluation_of(second).pk)) not in bells
    reconcile()
    assert ("analyses.release", str(evaluation_of(second).pk)) not in bells
    if leave == "failed":
        fail(Submission.objects.filter(pk=first.pk), "no")
    else:
        withdraw(first, ladder.alice)
    reconcile()
    assert ("analyses.release", str(evaluation_of(second).pk)) in bells
    release(evaluation_of(second).pk)
    assert [moved for _, moved in shown()] == [True]
    bells.clear()
    Analysis.objects.update(next_ring_at=past)
    reconcile()
    assert [name for name, _ in bells if name == "analyses.release"] == []


def test_a_call_comes_with_the_commit_of_the_analysis(ladder, bells, django_capture_on_commit_callbacks):
    submission = ladder.scored()
    with django_capture_on_commit_callbacks(execute=True):
        analyse(evaluation_of(submission).pk)
    assert ("analyses.release", str(evaluation_of(submission).pk)) in bells
    assert tasks.release.name == "analyses.release"


def test_a_failed_analysis_moves_nothing(ladder, bells):
    finish(ladder.submit(noise=2.0))
    better = ladder.scored(noise=0.1)
    Analysis.objects.filter(pk=evaluation_of(better).pk).update(state="failed", failure="It took too long.")
    reconcile()
    assert ("analyses.release", str(evaluation_of(better).pk)) in bells
    release(evaluation_of(better).pk)
    (before, _), (after, moved) = shown()
    assert (after, moved) == (before, False)


def test_an_undefined_score_shows_nothing_and_has_no_rank(ladder):
    finish(ladder.submit(content=CONSTANT))
    assert shown() == [(None, False)]
    assert [(row.rank, row.scores, row.rank_value) for row in released_board(ladder.development)] == [(None, {}, None)]


def test_a_second_delivery_changes_nothing(ladder):
    submission = ladder.submit()
    finish(submission)
    before = list(Release.objects.values())
    release(evaluation_of(submission).pk)
    assert list(Release.objects.values()) == before


def test_a_release_that_was_made_stays_whatever_the_fold_says_now(ladder):
    first = ladder.submit(noise=2.0)
    finish(first)
    Release.objects.update(shown=0.11)
    finish(ladder.submit(noise=0.1, seed=2))
    assert Release.objects.get(pk=evaluation_of(first).pk).shown == 0.11
    assert Release.objects.count() == 2


def test_a_worker_without_the_private_key_releases_nothing(ladder, settings):
    submission = ladder.scored()
    analyse(evaluation_of(submission).pk)
    settings.ANSWER_KEY_PRIVATE_KEY_FILE = ""
    release(evaluation_of(submission).pk)
    assert shown() == []


def test_scores_of_another_key_wait_until_they_are_scored_again(ladder):
    submission = ladder.scored()
    analyse(evaluation_of(submission).pk)
    ladder.development.answer_keys.update(is_current=False)
    release(evaluation_of(submission).pk)
    assert shown() == []


def test_a_plain_phase_and_a_reference_row_have_no_releases(world):
    submission = world.scored()
    analyse(evaluation_of(submission).pk)
    release(evaluation_of(submission).pk)
    reference = receive_reference(
        phase=world.development, upload=upload(prediction_csv()), method=Method(name="NIQE"), actor=None
    )
    world.development.release_rule, world.development.shows_fit = "ladder", False
    world.development.save()
    finish(reference)
    assert shown() == []


def test_options_of_the_phase_are_those_of_the_fold(ladder):
    phase = ladder.development
    phase.standard_errors, phase.shown_decimals = 3.0, 3
    phase.save()
    submissions = [ladder.submit(noise=noise, seed=3) for noise in NOISES]
    for submission in submissions:
        finish(submission)
    assert shown() == expected(submissions, decimals=3, standard_errors=3.0)
    phase.shown_decimals = 2
    with pytest.raises(ValidationError, match="does not change"):
        phase.full_clean()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"shows_fit": True}, "shows_fit"),
        ({"board_rule": "last"}, "board_rule"),
        ({"is_blind": True}, "release_rule"),
        ({"standard_errors": 0.0}, "standard_errors"),
    ],
)
def test_what_would_tell_more_is_refused_beside_its_field_and_by_the_database(ladder, changes, field):
    for name, value in changes.items():
        setattr(ladder.development, name, value)
    with pytest.raises(ValidationError) as refused:
        ladder.development.full_clean()
    assert field in refused.value.message_dict
    with pytest.raises(IntegrityError), transaction.atomic():
        ladder.development.save()


def test_the_released_board_ranks_by_what_is_shown_and_ties_share(ladder):
    for user, noise in ((ladder.alice, 1.0), (ladder.mallory, 1.0), (ladder.alice, 0.98)):
        finish(ladder.submit(user, noise=noise, seed=4))
    reference = receive_reference(
        phase=ladder.development, upload=upload(prediction_csv(0.1)), method=Method(name="NIQE"), actor=None
    )
    finish(reference)
    rows = released_board(ladder.development)
    assert [(row.rank, row.label, row.is_reference) for row in rows] == [
        (None, "NIQE", True),
        (1, "Aces", False),
        (1, "Rivals", False),
    ]
    assert rows[0].scores == {"main": round(evaluation_of(reference).result["main"], 2)}
    assert rows[1].scores == rows[2].scores == {"main": rows[1].rank_value}
    assert rows[1].entries == 2
    # The exact board knows the better one.
    assert [row.rank for row in board(ladder.development)] == [None, 1, 2]


def test_the_row_of_a_team_names_the_submission_behind_its_shown_score(ladder):
    first = ladder.submit(noise=0.5, seed=4)
    finish(first)
    finish(ladder.submit(noise=2.0, seed=4))
    row = released_board(ladder.development)[0]
    assert (row.submission_id, row.rank_value) == (first.pk, Release.objects.get(moved=True).shown)


def test_a_score_that_moved_is_a_score(ladder):
    submission = ladder.scored()
    with pytest.raises(IntegrityError), transaction.atomic():
        Release.objects.create(evaluation=evaluation_of(submission), shown=None, moved=True, reason="")


def test_the_order_is_that_of_acceptance_not_of_the_moment_an_upload_began(ladder):
    finish(ladder.submit(noise=0.5))
    slow = ladder.submit(noise=2.0, began_at=timezone.now() - datetime.timedelta(minutes=5))
    finish(slow)
    assert [moved for _, moved in shown()] == [True, False]
    assert Evaluation.objects.filter(release__isnull=False).count() == 2
