"""Every write to contests: one function, one transaction."""

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from challenge.accounts.models import User
from challenge.contests.models import Challenge, Phase, Registration, Team
from challenge.contests.models import team_name as clean_team_name


class JoinRefused(Exception):
    """The user cannot join; `str(error)` says why and what to do, `field` names the form field it belongs to."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


@transaction.atomic
def join_challenge(
    *, user: User, challenge: Challenge, team_name: str = "", invitation: str = "", accepts_terms: bool
) -> Registration:
    """Register `user`: with an invitation into that team, otherwise as the first member of a new team `team_name`.

    Raises JoinRefused when the terms are not accepted, the user is registered already, the invitation is unknown, the
    team is full, or the name is empty or taken. The challenge row is locked, so two people cannot fill the last place.
    """
    Challenge.objects.select_for_update().get(pk=challenge.pk)
    if not accepts_terms:
        raise JoinRefused("Accept the terms to take part.", "accepts_terms")
    if Registration.objects.filter(challenge=challenge, user=user).exists():
        raise JoinRefused("You already take part in this challenge.")
    team = _invited_team(challenge, invitation) if invitation else _new_team(challenge, team_name)
    return Registration.objects.create(
        challenge=challenge,
        user=user,
        team=team,
        terms_version=challenge.terms_version,
        terms_accepted_at=timezone.now(),
    )


def _invited_team(challenge: Challenge, invitation: str) -> Team:
    team = Team.objects.filter(challenge=challenge, invitation=invitation).first()
    if team is None:
        raise JoinRefused("This invitation is not valid for this challenge. Ask your team for a new link.")
    if team.registrations.count() >= challenge.max_team_size:
        raise JoinRefused(f"The team «{team.name}» is full: {challenge.max_team_size} members at most.")
    return team


def _new_team(challenge: Challenge, team_name: str) -> Team:
    name = clean_team_name(team_name)
    if not name:
        raise JoinRefused("Give your team a name.", "team_name")
    try:
        with transaction.atomic():
            return Team.objects.create(challenge=challenge, name=name)
    except IntegrityError:  # the constraint decides what the same name is
        raise JoinRefused(
            f"The name «{name}» is taken. Choose another one, or ask that team for an invitation link.", "team_name"
        ) from None


def boards_changed(challenge: Challenge) -> None:
    """Something that every board of the challenge shows has changed: cached boards are made anew."""
    Phase.objects.filter(challenge=challenge).update(board_version=F("board_version") + 1)
