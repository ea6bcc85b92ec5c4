"""What members, leaders and organisers do with a team: alice leads it, bob is in it, mallory is in another."""

import datetime

import pytest
from django.utils import timezone

from challenge.contests.admission import JoinRefused
from challenge.contests.models import Registration, Team
from challenge.contests.services import join_challenge
from challenge.submissions.access import visible_submissions
from challenge.submissions.intake import SubmissionRefused
from challenge.teams.services import ChangeRefused, leave, remove_member, rename, renew_invitation
from tests.factories import make_pending


def registration(user) -> Registration:
    return Registration.objects.get(user=user)


def enter(world, user, **fields) -> Registration:
    return join_challenge(user=user, challenge=world.challenge, accepts_terms=True, **fields)


def test_the_founder_leads_the_team(world):
    assert world.team.leader == world.alice
    assert [str(event) for event in world.team.events.all()] == ["Aces: founded the team", "Aces: joined"]


@pytest.mark.parametrize("who", ["bob", "mallory", "outsider", "other_organiser"])
def test_only_the_leader_and_organisers_change_a_team(world, who):
    actor = getattr(world, who)
    with pytest.raises(ChangeRefused):
        rename(world.team, "Mine", actor=actor)
    with pytest.raises(ChangeRefused):
        renew_invitation(world.team, actor=actor)
    with pytest.raises(ChangeRefused):
        remove_member(registration(world.alice), actor=actor)
    world.team.refresh_from_db()
    assert world.team.name == "Aces"
    assert registration(world.alice).status == "accepted"


def test_a_new_name_shows_on_the_board_and_in_the_history(world):
    before = world.development.board_version
    rename(world.team, "  Kings\u200b ", actor=world.alice)
    world.team.refresh_from_db()
    world.development.refresh_from_db()
    assert world.team.name == "Kings"
    assert world.development.board_version == before + 1
    assert world.team.events.last().detail == "Aces → Kings"
    with pytest.raises(ChangeRefused, match="taken"):
        rename(world.team, "rivals", actor=world.alice)


def test_a_new_link_makes_the_old_one_worthless(world):
    old = world.team.invitation
    renew_invitation(world.team, actor=world.alice)
    world.team.refresh_from_db()
    with pytest.raises(JoinRefused, match="not valid"):
        enter(world, world.outsider, invitation=old)
    assert enter(world, world.outsider, invitation=world.team.invitation).team == world.team


def test_whoever_is_removed_sees_and_may_nothing_any_more(world):
    submission = world.submit(world.bob)
    remove_member(registration(world.bob), actor=world.alice)
    assert submission not in visible_submissions(world.bob)
    assert submission in visible_submissions(world.alice)
    with pytest.raises(SubmissionRefused):
        world.submit(world.bob)
    assert world.team.events.last().member == world.bob


def test_leaving_a_team_that_has_submitted_is_no_way_to_another_quota(world):
    """grand-challenge #543, waymo-open-dataset #185: another team, another quota."""
    world.submit(world.alice)
    leave(registration(world.bob))
    again = enter(world, world.bob, team_name="Fresh quota")
    assert again.status == "pending"
    with pytest.raises(SubmissionRefused, match="waiting"):
        world.submit(world.bob)


def test_leaving_a_team_that_has_not_submitted_costs_nothing(world):
    leave(registration(world.bob))
    assert enter(world, world.bob, team_name="Fresh").status == "accepted"


def test_the_next_member_leads_when_the_leader_leaves(world):
    leave(registration(world.alice))
    world.team.refresh_from_db()
    assert world.team.leader == world.bob


def test_a_team_that_nobody_is_in_goes_and_its_name_is_free(world):
    leave(registration(world.mallory))
    assert not Team.objects.filter(name="Rivals").exists()
    assert enter(world, world.outsider, team_name="Rivals").team.name == "Rivals"


def test_the_last_member_cannot_leave_the_files_behind(world):
    world.submit(world.mallory)
    with pytest.raises(ChangeRefused, match="last member"):
        leave(registration(world.mallory))
    assert registration(world.mallory).team == world.other_team


def test_once_the_teams_are_fixed_nobody_joins_one_or_comes_back(world):
    leave(registration(world.bob))
    world.challenge.team_changes_until = timezone.now() - datetime.timedelta(seconds=1)
    world.challenge.save()
    for user, way in ((world.bob, {"team_name": "B"}), (world.outsider, {"invitation": world.team.invitation})):
        with pytest.raises(JoinRefused, match="do not change"):
            enter(world, user, **way)
    assert enter(world, world.outsider, team_name="Newcomer").status == "accepted"


def test_an_upload_that_began_before_its_sender_was_removed_is_refused(world, monkeypatch):
    from challenge.submissions import intake

    store = intake._stored_then

    def removed_meanwhile(submission, insert):
        remove_member(registration(world.bob), actor=world.alice)
        return store(submission, insert)

    monkeypatch.setattr(intake, "_stored_then", removed_meanwhile)
    with pytest.raises(SubmissionRefused):
        world.submit(world.bob)
    assert not world.team.submissions.exists()


def test_the_pages_do_these_things_and_refuse_others(world, client):
    bob = registration(world.bob)
    client.force_login(world.mallory)
    client.post(f"/c/iqa/teams/remove/{bob.pk}/")
    client.post("/c/iqa/team/invitation/")
    assert registration(world.bob).status == "accepted"
    client.force_login(world.alice)
    assert client.post("/c/iqa/team/rename/", {"name": "Rivals"}).status_code == 422
    assert client.post("/c/iqa/team/rename/", {"name": "Kings"}).status_code == 302
    assert "Kings" in client.get("/c/iqa/team/").content.decode()
    client.force_login(world.organiser)
    client.post(f"/c/iqa/teams/remove/{bob.pk}/")
    assert registration(world.bob).status == "left"
    client.force_login(world.alice)
    assert client.get("/c/iqa/team/leave/").status_code == 200
    client.post("/c/iqa/team/leave/")
    assert registration(world.alice).status == "left"


def test_whoever_waits_may_take_the_registration_back(world, client):
    pending = make_pending(world)
    client.force_login(pending)
    assert client.post("/c/iqa/team/leave/").status_code == 302
    assert registration(pending).status == "left"
    assert not Team.objects.filter(name="Team of pending").exists()
