"""Scoring a phase with a Ladder again: what is shown is worked out anew, from the first file of each team on."""

import pytest

from challenge.analyses.analysis_run import analyse, draws_of
from challenge.analyses.budget import budget_of
from challenge.analyses.models import Analysis, LeakSpend, Release
from challenge.analyses.release_run import release
from challenge.contests.models import Phase
from challenge.leaderboards.released import released_board
from challenge.rescorings.services import publish
from scoring.ladder import Submitted, releases
from tests.rescorings.conftest import finished


@pytest.fixture
def ladder(world):
    """The development phase has a Ladder; three files of one team and one of another are released."""
    Phase.objects.filter(pk=world.development.pk).update(release_rule="ladder")
    world.development.refresh_from_db()
    sent = [world.scored(noise=noise, seed=seed) for seed, noise in enumerate((1.5, 1.4, 0.2))]
    sent.append(world.scored(world.mallory, noise=0.9, seed=7))
    workers(sent)
    return world, sent


def workers(sent):
    """What workers do after a score or a rescoring."""
    for submission in sent:
        evaluation = submission.evaluations.get(is_current=True)
        Analysis.objects.filter(pk=evaluation.pk).update(resamples=100)
        analyse(evaluation.pk)
        release(evaluation.pk)


def fold(sent):
    """The library's releases of these files of one team: the last one shown."""
    found = []
    for number, submission in enumerate(sent):
        evaluation = submission.evaluations.get(is_current=True)
        found.append(Submitted(number, evaluation.result["main"], draws_of(evaluation.analysis)))
    return [one for _, one in releases(found, decimals=2)]


def test_the_board_follows_the_new_scores_and_the_old_releases_stay_as_history(ladder):
    world, sent = ladder
    before = {row.label: row.scores["main"] for row in released_board(world.development)}
    publish(finished(world), world.organiser)
    workers(sent)
    shown = {row.label: row.scores["main"] for row in released_board(world.development)}
    assert shown == {"Aces": fold(sent[:3])[-1].shown, "Rivals": fold(sent[3:])[-1].shown}
    assert shown != before
    assert Release.objects.count() == 8


def test_a_spent_budget_costs_no_team_its_place_and_tells_nothing_about_later_files(ladder, client):
    """Publishing is the organisers' decision: what it shows is booked, and the page says so."""
    world, sent = ladder
    paid = sum(LeakSpend.objects.filter(team=world.team).values_list("bits", flat=True))
    Phase.objects.filter(pk=world.development.pk).update(leak_budget_bits=round(paid) + 5)
    world.development.refresh_from_db()
    rescoring = finished(world)
    client.force_login(world.organiser)
    page = " ".join(client.get(f"{rescoring.get_absolute_url()}publish/").content.decode().split())
    assert "booked on each team's budget" in page
    publish(rescoring, world.organiser)
    workers(sent)
    shown = fold(sent[:3])[-1].shown
    assert row_of_the_aces(world).scores["main"] == shown
    budget = budget_of(world.team, world.development)
    assert (budget.used > budget.total, budget.left) == (True, 0)
    workers([world.scored(noise=0.01, seed=9)])
    assert Release.objects.filter(is_withheld=True).count() == 1
    assert row_of_the_aces(world).scores["main"] == shown


def row_of_the_aces(world):
    (row,) = (row for row in released_board(world.development) if row.label == "Aces")
    return row
