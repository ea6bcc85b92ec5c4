"""Scoring a phase with a Ladder again: what is shown is worked out anew, from the first file of each team on."""

import pytest

from challenge.analyses.analysis_run import analyse, draws_of
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


def test_what_is_shown_again_is_paid_again_so_raise_a_budget_before(ladder, client):
    """The bound on what a team is told holds across rescorings; the page that publishes says so."""
    world, sent = ladder
    paid = sum(LeakSpend.objects.filter(team=world.team).values_list("bits", flat=True))
    Phase.objects.filter(pk=world.development.pk).update(leak_budget_bits=round(paid) + 5)
    rescoring = finished(world)
    client.force_login(world.organiser)
    page = " ".join(client.get(f"{rescoring.get_absolute_url()}publish/").content.decode().split())
    assert "paid from each team's budget" in page
    publish(rescoring, world.organiser)
    workers(sent)
    (row,) = (row for row in released_board(world.development) if row.label == "Aces")
    assert (row.rank, row.scores) == (None, {})
    assert sum(LeakSpend.objects.filter(team=world.team).values_list("bits", flat=True)) <= round(paid) + 5
