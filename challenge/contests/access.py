"""Who may see and do what: the one permission layer. Default deny; every view and every API call asks here.

Roles: an *organiser* of a challenge is listed in `Challenge.organisers` or is a superuser; a *participant* has a
Registration that was accepted. One that waits, was rejected or has left gives no right at all. A *subject* of a study
has no role in any contest, whatever rows say. Anonymous visitors are just users without any.

`registration_of` is the question to ask about rights; `application_of` is for pages that tell people where they stand.
"""

import enum
from typing import TYPE_CHECKING, TypeGuard, cast

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from challenge.accounts.models import User
from challenge.contests.models import Challenge, Phase, Registration, Team

Viewer = User | AnonymousUser


if TYPE_CHECKING:

    class Participation(Registration):
        """An accepted registration: it has a team, as the constraint `registration_team_until_left` says."""

        team: Team


def may_act(user: Viewer) -> TypeGuard[User]:
    """Whether `user` can have a role in a contest at all: signed in, and no subject of a study."""
    return user.is_authenticated and not user.is_subject


def is_organiser(user: Viewer, challenge: Challenge) -> bool:
    """Whether `user` runs `challenge`."""
    if not may_act(user):
        return False
    return user.is_superuser or challenge.organisers.filter(pk=user.pk).exists()


def may_change(user: Viewer, challenge: Challenge) -> bool:
    """Whether `user` may change `challenge`: organisers who are staff. Other organisers look on."""
    return may_act(user) and user.is_staff and is_organiser(user, challenge)


def organised_challenges(user: Viewer) -> QuerySet[Challenge]:
    """The challenges that `user` runs."""
    if not may_act(user):
        return Challenge.objects.none()
    if user.is_superuser:
        return Challenge.objects.all()
    return Challenge.objects.filter(pk__in=Challenge.organisers.through.objects.filter(user=user).values("challenge"))


def visible_challenges(user: Viewer) -> QuerySet[Challenge]:
    """Published challenges for everybody, unpublished ones for their organisers."""
    return Challenge.objects.filter(Q(is_published=True) | Q(pk__in=organised_challenges(user).values("pk")))


def visible_phases(user: Viewer) -> QuerySet[Phase]:
    """The phases of visible challenges."""
    return Phase.objects.select_related("challenge").filter(challenge__in=visible_challenges(user))


def application_of(user: Viewer, challenge: Challenge) -> Registration | None:
    """The registration of `user` in `challenge` in whatever state, with its team, or None. Gives no rights."""
    if not may_act(user):
        return None
    rows = Registration.objects.select_related("team", "challenge")
    return rows.filter(challenge=challenge, user=user).exclude(status=Registration.Status.LEFT).first()


def accepted_registrations(user: Viewer) -> QuerySet[Registration]:
    """The registrations of `user` that give rights."""
    if not may_act(user):
        return Registration.objects.none()
    return Registration.objects.filter(user=user, status=Registration.Status.ACCEPTED)


def registration_of(user: Viewer, challenge: Challenge) -> "Participation | None":
    """The accepted registration of `user` in `challenge`, with its team, or None.

    Data and submitting also need consent to the terms as they are now: see `Registration.owes_consent`.
    """
    rows = accepted_registrations(user).filter(challenge=challenge).select_related("team", "challenge")
    return cast("Participation | None", rows.first())


def may_see_scores(user: Viewer, phase: Phase) -> bool:
    """Scores and the board of a blind phase are for organisers only; a Ladder shows its releases to everybody."""
    return not phase.is_blind or is_organiser(user, phase.challenge)


def may_see_results(user: Viewer, phase: Phase) -> bool:
    """Results as they were computed: to all but organisers a blind phase shows none and a Ladder its releases only."""
    return not (phase.is_blind or phase.is_ladder) or is_organiser(user, phase.challenge)


def may_see_private(user: Viewer, phase: Phase) -> bool:
    """Scores of the private part: organisers, and everybody who may see scores once the organisers show them."""
    return (phase.shows_private and may_see_scores(user, phase)) or is_organiser(user, phase.challenge)


class BoardKind(enum.StrEnum):
    """Which board of a phase: the stored results, what a Ladder released, or the scores of the private part."""

    EXACT = "exact"
    RELEASED = "released"
    PRIVATE = "private"


def board_kind(user: Viewer, phase: Phase, asks_exact: bool) -> BoardKind:
    """The board that is everybody's, unless an organiser asks for the exact one."""
    usual = usual_board(phase)
    return BoardKind.EXACT if asks_exact and is_organiser(user, phase.challenge) else usual


def usual_board(phase: Phase) -> BoardKind:
    """The board that is everybody's, who may see scores."""
    if phase.shows_private:
        return BoardKind.PRIVATE
    return BoardKind.RELEASED if phase.is_ladder else BoardKind.EXACT


def export_decimals(user: Viewer, phase: Phase) -> int | None:
    """To how many decimals exports and the API round results; None: full precision, as organisers get always."""
    return None if is_organiser(user, phase.challenge) else phase.shown_decimals


def may_see_fit(phase: Phase) -> bool:
    """Whether whoever may see a submission also sees its diagnostics, which tell the MOS of images.

    Only where the organisers have switched that on, never on a blind phase, with a Ladder or on a part of the key. It
    is the same for themselves: what is not shown to participants is not stored.
    """
    return phase.shows_fit and not phase.is_blind and not phase.is_ladder and phase.public_share is None
