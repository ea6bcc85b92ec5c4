"""Who may see and do what: the one permission layer. Default deny; every view and every API call asks here.

Roles: an *organiser* of a challenge is listed in `Challenge.organisers` or is a superuser; a *participant* has a
Registration. Anonymous visitors are just users without either.
"""

import enum

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from challenge.accounts.models import User
from challenge.contests.models import Challenge, Phase, Registration

Viewer = User | AnonymousUser


def is_organiser(user: Viewer, challenge: Challenge) -> bool:
    """Whether `user` runs `challenge`."""
    if not user.is_authenticated:
        return False
    return user.is_superuser or challenge.organisers.filter(pk=user.pk).exists()


def visible_challenges(user: Viewer) -> QuerySet[Challenge]:
    """Published challenges for everybody, unpublished ones for their organisers."""
    if not user.is_authenticated:
        return Challenge.objects.filter(is_published=True)
    if user.is_superuser:
        return Challenge.objects.all()
    return Challenge.objects.filter(
        Q(is_published=True) | Q(pk__in=Challenge.organisers.through.objects.filter(user=user).values("challenge"))
    )


def visible_phases(user: Viewer) -> QuerySet[Phase]:
    """The phases of visible challenges."""
    return Phase.objects.select_related("challenge").filter(challenge__in=visible_challenges(user))


def registration_of(user: Viewer, challenge: Challenge) -> Registration | None:
    """The registration of `user` in `challenge`, with its team, or None."""
    if not user.is_authenticated:
        return None
    return Registration.objects.select_related("team").filter(challenge=challenge, user=user).first()


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


def may_see_fit(user: Viewer, phase: Phase) -> bool:
    """The scatter of predictions over MOS tells hidden values: organisers, or everybody concerned where allowed."""
    return (phase.shows_fit and may_see_results(user, phase)) or is_organiser(user, phase.challenge)
