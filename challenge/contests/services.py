"""Joining, consent and what boards show: one function, one transaction (organisers' decisions: `registrations`)."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from challenge.accounts.models import User
from challenge.contests.access import may_act
from challenge.contests.admission import JoinRefused, checked_answers, status_for
from challenge.contests.models import Challenge, Phase, Registration, Team
from challenge.contests.models import team_name as clean_team_name
from challenge.contests.records import RegistrationEvent, TeamEvent

__all__ = ["JoinRefused", "accept_terms", "boards_changed", "join_challenge", "settle_leader"]

Status = Registration.Status


@transaction.atomic
def join_challenge(
    *,
    user: User,
    challenge: Challenge,
    team_name: str = "",
    invitation: str = "",
    accepts_terms: bool,
    answers: Mapping[str, Any] | None = None,
) -> Registration:
    """Register `user`: with an invitation into that team, otherwise as the first member of a new team `team_name`.

    `answers` are those to the organisers' questions, by the names of `admission.field_of`. The registration is accepted
    or waits for the organisers (`admission.status_for`); either way it holds a place in its team.

    Raises JoinRefused when the terms are not accepted, the user is registered already or may not take part, an answer
    is missing, the invitation is unknown, the team is full, or the name is empty or taken. The challenge row is locked,
    so two people cannot fill the last place.
    """
    challenge = Challenge.objects.select_for_update().get(pk=challenge.pk)
    if not may_act(user):
        raise JoinRefused("This account rates images in studies, so it cannot take part in a challenge.")
    if not accepts_terms:
        raise JoinRefused("Accept the terms to take part.", "accepts_terms")
    earlier = Registration.objects.filter(challenge=challenge, user=user).first()
    _check_may_join(challenge, earlier, invitation)
    status = status_for(user, challenge, must_be_approved=earlier is not None and earlier.must_be_approved)
    checked = checked_answers(challenge, answers or {})
    team = _invited_team(challenge, invitation) if invitation else _new_team(challenge, user, team_name)
    registration = earlier or Registration(challenge=challenge, user=user)
    registration.team, registration.status, registration.answers = team, status, checked
    registration.terms_version, registration.terms_accepted_at = challenge.terms_version, timezone.now()
    registration.save()
    RegistrationEvent.objects.create(
        registration=registration,
        actor=user,
        from_status=Status.LEFT if earlier else "",
        to_status=status,
        reason=f"joined, terms {challenge.terms_version} accepted",
    )
    action = TeamEvent.Action.JOINED if invitation else TeamEvent.Action.FOUNDED
    TeamEvent.objects.create(team=team, actor=user, member=user, action=action)
    return registration


def _check_may_join(challenge: Challenge, earlier: Registration | None, invitation: str) -> None:
    if earlier and earlier.status == Status.PENDING:
        raise JoinRefused("You have registered already; the organisers have not decided yet.")
    if earlier and earlier.status == Status.REJECTED:
        raise JoinRefused("The organisers have rejected your registration. Ask them if you think that is a mistake.")
    if earlier and earlier.status == Status.ACCEPTED:
        raise JoinRefused("You already take part in this challenge.")
    if challenge.teams_are_fixed and (earlier or invitation):
        raise JoinRefused("The teams of this challenge do not change any more, so nobody can join one that exists.")


def _invited_team(challenge: Challenge, invitation: str) -> Team:
    team = Team.objects.filter(challenge=challenge, invitation=invitation, merged_into=None).first()
    if team is None:
        raise JoinRefused("This invitation is not valid for this challenge. Ask your team for a new link.")
    if team.members.count() >= challenge.max_team_size:
        raise JoinRefused(f"The team «{team.name}» is full: {challenge.max_team_size} members at most.")
    return team


def _new_team(challenge: Challenge, leader: User, team_name: str) -> Team:
    name = clean_team_name(team_name)
    if not name:
        raise JoinRefused("Give your team a name.", "team_name")
    try:
        with transaction.atomic():
            return Team.objects.create(challenge=challenge, name=name, leader=leader)
    except IntegrityError:  # the constraint decides what the same name is
        raise JoinRefused(
            f"The name «{name}» is taken. Choose another one, or ask that team for an invitation link.", "team_name"
        ) from None


@transaction.atomic
def accept_terms(registration: Registration, version: int) -> bool:
    """Note that the participant accepts version `version` of the terms, which is what they have read.

    False, and nothing noted, when that is not the version in force: the terms changed while they were being read.
    """
    challenge = Challenge.objects.select_for_update().get(pk=registration.challenge_id)
    if version != challenge.terms_version:
        return False
    changed = Registration.objects.filter(pk=registration.pk, terms_version__lt=version).update(
        terms_version=version, terms_accepted_at=timezone.now()
    )
    if changed:
        RegistrationEvent.objects.create(
            registration=registration,
            actor=registration.user,
            from_status=registration.status,
            to_status=registration.status,
            reason=f"terms {version} accepted",
        )
    return True


def settle_leader(team: Team) -> None:
    """Give a team whose leader holds no place in it another one: who was accepted first, else who waits longest."""
    members = team.members.order_by("status", "created_at").select_related("user")  # "accepted" < "pending"
    if members.filter(user=team.leader_id).exists():
        return
    first = members.first()
    team.leader = first.user if first else None
    team.save(update_fields=["leader"])
    if first:
        TeamEvent.objects.create(team=team, member=first.user, action=TeamEvent.Action.LEADER)


def boards_changed(challenge: Challenge) -> None:
    """Something that every board of the challenge shows has changed: cached boards are made anew."""
    Phase.objects.filter(challenge=challenge).update(board_version=F("board_version") + 1)
