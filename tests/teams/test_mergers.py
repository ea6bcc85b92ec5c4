"""Two teams become one: who must agree, and that no quota, file or history is won or lost by it."""

import datetime
from collections import Counter

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from challenge.contests.models import Registration
from challenge.contests.services import join_challenge
from challenge.leaderboards.board import board
from challenge.notices.models import Notice
from challenge.submissions.access import visible_submissions
from challenge.submissions.intake import SubmissionRefused
from challenge.submissions.models import Submission
from challenge.submissions.quota import quota_of, utc_day
from challenge.submissions.services import choose, withdraw
from challenge.teams import mergers
from challenge.teams.access import visible_mergers
from challenge.teams.models import Merger
from challenge.teams.services import ChangeRefused


def planned(world) -> Merger:
    """Aces ask Rivals, Rivals agree."""
    merger = mergers.ask(world.team, "rivals", actor=world.alice)
    mergers.agree(merger, actor=world.mallory)
    return merger


def merged(world):
    return mergers.confirm(planned(world), actor=world.organiser)


def test_both_leaders_and_an_organiser_make_one_team(world):
    files = [world.submit(world.alice, seed=1), world.submit(world.mallory, seed=2)]
    team = merged(world)
    assert team == world.team
    assert {member.user for member in team.members} == {world.alice, world.bob, world.mallory}
    assert {row.team for row in Submission.objects.all()} == {team}
    assert set(visible_submissions(world.mallory)) == set(files)
    world.other_team.refresh_from_db()
    assert world.other_team.merged_into == team
    assert "merged" in files[1].events.last().reason
    assert Notice.objects.filter(title__contains="are one").count() == 3


def test_the_board_has_one_row_with_the_better_file(world):
    """Codabench #805, CodaLab #2599, #1842; VIPriors #16 "we will merge submissions after the phase ends"."""
    world.scored(world.alice, noise=2.0, seed=1)
    world.scored(world.mallory, noise=0.1, seed=2)
    best = board(world.development)[0]
    merged(world)
    (row,) = board(world.development)
    assert (row.label, row.entries, row.scores["main"]) == ("Aces", 2, best.scores["main"])


@pytest.mark.parametrize("who", ["bob", "mallory", "outsider", "other_organiser"])
def test_only_the_leader_of_the_asking_team_asks(world, who):
    with pytest.raises(ChangeRefused):
        mergers.ask(world.team, "Rivals", actor=getattr(world, who))


@pytest.mark.parametrize("who", ["alice", "bob", "outsider", "organiser", "admin"])
def test_only_the_leader_of_the_asked_team_agrees(world, who):
    merger = mergers.ask(world.team, "Rivals", actor=world.alice)
    with pytest.raises(ChangeRefused):
        mergers.agree(merger, actor=getattr(world, who))


def test_nothing_is_merged_before_both_have_agreed(world):
    merger = mergers.ask(world.team, "Rivals", actor=world.alice)
    with pytest.raises(ChangeRefused, match="must have agreed"):
        mergers.confirm(merger, actor=world.organiser)


def test_others_neither_see_nor_answer_a_plan(world, client):
    merger = planned(world)
    assert not visible_mergers(world.outsider).exists()
    assert not visible_mergers(world.other_organiser).exists()
    for user in (world.alice, world.mallory, world.bob):
        client.force_login(user)
        client.post(f"/c/iqa/mergers/{merger.pk}/", {"answer": "confirm"})
    merger.refresh_from_db()
    assert merger.state == "agreed"
    client.force_login(world.organiser)
    client.post(f"/c/iqa/mergers/{merger.pk}/", {"answer": "confirm"})
    merger.refresh_from_db()
    assert merger.state == "done"


def test_the_pages_lead_through_it(world, client):
    client.force_login(world.alice)
    assert client.post("/c/iqa/team/merge/", {"team": "No such team"}).status_code == 422
    assert client.post("/c/iqa/team/merge/", {"team": "Rivals"}).status_code == 302
    assert client.post("/c/iqa/team/merge/", {"team": "Rivals"}).status_code == 422  # asked already
    merger = Merger.objects.get()
    client.force_login(world.mallory)
    assert "Agree" in client.get("/c/iqa/team/").content.decode()
    client.post(f"/c/iqa/mergers/{merger.pk}/", {"answer": "agree"})
    client.force_login(world.organiser)
    assert "Confirm" in client.get("/c/iqa/teams/").content.decode()


def test_everybody_reads_for_whom_a_plan_waits(world, client):
    def read(user, page="/c/iqa/team/"):
        client.force_login(user)
        return " ".join(client.get(page).content.decode().split())

    merger = mergers.ask(world.other_team, "Aces", actor=world.mallory)
    assert "Waiting for their leader." in read(world.mallory)
    assert "Waiting for your answer." in read(world.alice)
    assert "Waiting for your team's leader." in read(world.bob)
    assert "Waiting for the leader of Aces." in read(world.organiser, "/c/iqa/teams/")
    mergers.agree(merger, actor=world.alice)
    assert all("Waiting for the organisers." in read(user) for user in (world.alice, world.bob, world.mallory))
    assert "it is for you to decide" in read(world.organiser, "/c/iqa/teams/")


def test_a_plan_can_be_called_off_until_it_is_confirmed(world):
    merger = planned(world)
    with pytest.raises(ChangeRefused):
        mergers.call_off(merger, actor=world.bob)
    mergers.call_off(merger, actor=world.mallory)
    with pytest.raises(ChangeRefused):
        mergers.confirm(merger, actor=world.organiser)
    assert mergers.ask(world.team, "Rivals", actor=world.alice).pk != merger.pk


def test_the_size_limit_holds_for_both_together(world):
    world.challenge.max_team_size = 2
    world.challenge.save()
    with pytest.raises(ChangeRefused, match="Together you would be 3"):
        mergers.ask(world.team, "Rivals", actor=world.alice)


def test_members_who_came_after_the_agreement_count_too(world):
    merger = planned(world)
    world.challenge.max_team_size = 3
    world.challenge.save()
    join_challenge(
        user=world.outsider, challenge=world.challenge, invitation=world.other_team.invitation, accepts_terms=True
    )
    with pytest.raises(ChangeRefused, match="Together you would be 4"):
        mergers.confirm(merger, actor=world.organiser)


def test_teams_ask_and_agree_before_the_deadline_organisers_decide_at_leisure(world):
    merger = planned(world)
    world.challenge.team_changes_until = timezone.now()
    world.challenge.save()
    with pytest.raises(ChangeRefused, match="do not change"):
        mergers.ask(world.other_team, "Aces", actor=world.mallory)
    assert mergers.confirm(merger, actor=world.organiser) == world.team


def test_other_plans_of_the_team_that_is_gone_end(world):
    planned(world)
    back = mergers.ask(world.other_team, "Aces", actor=world.mallory)
    mergers.confirm(Merger.objects.get(asking=world.team), actor=world.organiser)
    back.refresh_from_db()
    assert back.state == "ended"
    assert not world.other_team.registrations.exists()


def test_the_choice_of_the_team_that_stays_wins(world):
    ours, theirs = world.scored(world.alice, world.final, seed=1), world.scored(world.mallory, world.final, seed=2)
    choose(ours, world.alice)
    choose(theirs, world.mallory)
    merged(world)
    assert list(Submission.objects.filter(is_chosen=True)) == [ours]


def test_a_choice_of_the_other_team_counts_where_there_is_none(world):
    world.scored(world.alice, world.final, seed=1)
    theirs = world.scored(world.mallory, world.final, seed=2)
    choose(theirs, world.mallory)
    merged(world)
    assert list(Submission.objects.filter(is_chosen=True)) == [theirs]


def test_the_same_idempotency_key_in_both_teams_is_no_obstacle(world):
    world.submit(world.alice, seed=1, idempotency_key="run")
    world.submit(world.mallory, seed=2, idempotency_key="run")
    team = merged(world)
    assert sorted(team.submissions.values_list("idempotency_key", flat=True), key=str) == [None, "run"]


def test_a_team_over_its_quota_has_none_left_and_no_error(world):
    for phase in (world.development, world.final):
        phase.daily_quota, phase.total_quota = 2, 3
        phase.save()
    for user in (world.alice, world.mallory):
        for seed in range(2):
            world.submit(user, seed=seed)
    team = merged(world)
    quota = quota_of(team, world.development, timezone.now())
    assert (quota.daily_used, quota.total_used, quota.remaining) == (4, 4, 0)
    with pytest.raises(SubmissionRefused, match="all submissions of this phase"):
        world.submit(world.mallory)


# What each team does: on which of three days it submits, and whether it takes the file back.
steps = st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.booleans()), max_size=5)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ours=steps, theirs=steps)
def test_what_both_have_used_is_used(world, ours, theirs):
    """In each phase and on each day the merged team has used the sum, and refunds stay refunds."""
    from django.db import transaction

    now = timezone.now()
    with transaction.atomic():
        world.development.daily_quota = None
        world.development.save()
        for user, acts in ((world.alice, ours), (world.mallory, theirs)):
            for seed, (days_ago, takes_back) in enumerate(acts):
                began = now - datetime.timedelta(hours=5 * days_ago)
                submission = world.submit(user, seed=seed, began_at=began)
                if takes_back:
                    withdraw(submission, user)
        paid = Submission.objects.exclude(phase_slot=None)
        expected = Counter(paid.values_list("quota_day", flat=True))
        total = Submission.objects.count()
        team = merged(world)
        mine = team.submissions.filter(phase=world.development)
        assert mine.count() == total
        quota = quota_of(team, world.development, now)
        assert quota.total_used == sum(expected.values())
        assert quota.daily_used == expected[utc_day(now)]
        assert len(set(mine.exclude(phase_slot=None).values_list("phase_slot", flat=True))) == quota.total_used
        assert Counter(mine.exclude(day_slot=None).values_list("quota_day", flat=True)) == expected
        assert Registration.objects.filter(team=team).count() == 3
        transaction.set_rollback(True)
