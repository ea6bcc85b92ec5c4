"""A team is told so many bits and no more: every answer is paid for, and what cannot be paid is not shown."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from challenge.analyses.analysis_run import analyse
from challenge.analyses.budget import BudgetSpent, budget_of, may_spend, spend
from challenge.analyses.models import LeakSpend, Release
from challenge.analyses.release_run import release
from challenge.leaderboards.released import released_board
from challenge.submissions.scoring_run import score
from scoring.leak_budget import cost_of_score
from tests.factories import prediction_csv

FIRST = cost_of_score(True, decimals=2)


@pytest.fixture
def world_with(world):
    """The world whose development phase has a Ladder and this budget."""

    def make(bits):
        phase = world.development
        phase.release_rule, phase.shows_fit, phase.leak_budget_bits = "ladder", False, bits
        phase.full_clean()
        phase.save()
        return world

    return make


def finish(submission):
    score(submission.pk)
    analyse(submission.evaluations.get().pk)
    release(submission.evaluations.get().pk)
    return Release.objects.get(evaluation__submission=submission)


def test_every_release_is_paid_for_in_the_bits_of_the_library(world_with):
    world = world_with(None)
    first, second = finish(world.submit(noise=1.0)), finish(world.submit(noise=2.0))
    assert (first.moved, second.moved) == (True, False)
    spends = LeakSpend.objects.order_by("pk").values_list("bits", "what", "team", "submission")
    assert list(spends) == [
        (FIRST, "shown score", world.team.pk, first.evaluation.submission_id),
        (cost_of_score(False, decimals=2), "shown score", world.team.pk, second.evaluation.submission_id),
    ]
    assert budget_of(world.team, world.development) is None


def test_what_cannot_be_paid_is_scored_and_not_shown(world_with, client):
    world = world_with(13)
    first = finish(world.submit(noise=1.0))
    withheld = [finish(world.submit(noise=noise)) for noise in (0.1, 2.0)]
    # Better or worse: the answer is the same, so it tells nothing.
    for row in withheld:
        assert (row.shown, row.moved, row.step, row.is_withheld) == (first.shown, False, None, True)
        assert row.reason == str(BudgetSpent())
    assert budget_of(world.team, world.development).used == FIRST
    assert [row.rank_value for row in released_board(world.development)] == [first.shown]
    submission = withheld[0].evaluation.submission
    client.force_login(world.alice)
    text = client.get(submission.get_absolute_url()).content.decode()
    assert "budget of your team is spent" in text
    assert "12 of 13 bits" in text
    assert "12 of 13 bits" in client.get("/c/iqa/").content.decode()
    client.force_login(world.organiser)
    main = submission.evaluations.get().result["main"]
    assert f"{main:.4f}" in client.get(submission.get_absolute_url()).content.decode()


def test_other_teams_and_visitors_do_not_read_the_account(world_with, client):
    world = world_with(500)
    finish(world.submit())
    assert "of 500 bits" not in client.get("/c/iqa/").content.decode()
    client.force_login(world.mallory)
    assert "0 of 500 bits" in client.get("/c/iqa/").content.decode()


def test_with_a_higher_budget_the_ladder_goes_on_from_the_score_that_was_shown(world_with):
    world = world_with(13)
    first = finish(world.submit(noise=1.0))
    finish(world.submit(noise=0.05))  # withheld, and better than what follows
    world_with(100)
    later = finish(world.submit(noise=0.2))
    assert later.moved
    assert later.shown > first.shown
    assert Release.objects.filter(is_withheld=True).count() == 1


def test_an_account_is_of_one_team_in_one_phase_and_nothing_is_paid_twice(world_with):
    world = world_with(10)
    phase = world.development
    spend(world.team, phase, 7.5, "worst images")
    with pytest.raises(BudgetSpent):
        spend(world.team, phase, 2.6, "worst images")
    assert may_spend(world.team, phase, 2.5)
    assert not may_spend(world.team, phase, 2.6)
    assert may_spend(world.other_team, phase, 10)
    assert may_spend(world.team, world.final, 1e9)
    assert budget_of(world.team, phase).left == 2.5


def test_a_release_that_fails_to_be_written_costs_nothing(world_with, monkeypatch):
    world = world_with(100)
    submission = world.submit()
    score(submission.pk)
    analyse(submission.evaluations.get().pk)

    def fall_over(*_arguments):
        raise RuntimeError("the database went away")

    monkeypatch.setattr("challenge.analyses.release_run.store_releases", fall_over)
    with pytest.raises(RuntimeError):
        release(submission.evaluations.get().pk)
    assert not LeakSpend.objects.exists()


def test_a_budget_needs_a_ladder(world):
    world.development.leak_budget_bits = 500
    with pytest.raises(ValidationError, match="Only a Ladder"):
        world.development.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        world.development.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        LeakSpend.objects.create(team=world.team, phase=world.development, bits=-1, what="x")


def test_two_files_that_are_the_same_cost_as_two(world_with):
    world = world_with(100)
    for _ in range(2):
        finish(world.submit(content=prediction_csv()))
    assert LeakSpend.objects.count() == 2
