"""Members and mergers at once, in real transactions: on SQLite here, on PostgreSQL by tests/test_on_postgres.py."""

import pytest

from challenge.contests.models import Registration
from challenge.contests.services import JoinRefused, join_challenge
from challenge.submissions.intake import SubmissionRefused
from challenge.submissions.models import Submission
from challenge.teams import mergers
from challenge.teams.services import ChangeRefused, leave
from tests.factories import make_user, make_world
from tests.submissions.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_fifty_at_once_never_fill_a_team_over_its_size():
    world = make_world()
    world.challenge.max_team_size = 7  # alice and bob are in
    world.challenge.save()
    users = [make_user(f"u{number}") for number in range(50)]

    def join(number: int) -> bool:
        try:
            join_challenge(
                user=users[number], challenge=world.challenge, invitation=world.team.invitation, accepts_terms=True
            )
        except JoinRefused:
            return False
        return True

    assert sum(at_once(50, join)) == 5
    assert world.team.members.count() == 7


def test_uploads_during_a_merger_are_all_the_merged_teams_or_refused():
    world = make_world()
    world.development.daily_quota = None
    world.development.save()
    merger = mergers.ask(world.team, "Rivals", actor=world.alice)
    mergers.agree(merger, actor=world.mallory)

    def act(number: int) -> str:
        if number == 0:
            mergers.confirm(merger, actor=world.organiser)
            return "merged"
        try:
            world.submit(world.mallory if number % 2 else world.alice, seed=number)
        except SubmissionRefused as refused:
            return refused.code
        return "accepted"

    outcomes = at_once(9, act)
    accepted = outcomes.count("accepted")
    assert set(outcomes) <= {"merged", "accepted", "team_changed"}
    assert Submission.objects.count() == accepted
    assert set(Submission.objects.values_list("team__name", flat=True)) <= {"Aces"}
    assert set(Submission.objects.values_list("phase_slot", flat=True)) == set(range(1, accepted + 1))


def test_one_of_two_members_who_leave_at_once_stays_with_the_files():
    world = make_world()
    world.submit()
    members = [world.alice.registrations.get(), world.bob.registrations.get()]

    def go(number: int) -> bool:
        try:
            leave(members[number])
        except ChangeRefused:
            return False
        return True

    assert sum(at_once(2, go)) == 1
    assert Registration.objects.filter(team=world.team).count() == 1


def test_a_merger_is_confirmed_once():
    world = make_world()
    merger = mergers.ask(world.team, "Rivals", actor=world.alice)
    mergers.agree(merger, actor=world.mallory)

    def confirm(_: int) -> bool:
        try:
            mergers.confirm(merger, actor=world.organiser)
        except ChangeRefused:
            return False
        return True

    assert sum(at_once(4, confirm)) == 1
    assert world.team.events.filter(action="merged").count() == 1
