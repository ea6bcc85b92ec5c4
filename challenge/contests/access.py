"""Who may see and do what: the one permission layer. Default deny; every view and every API call asks here.

Roles: an *organiser* of a challenge is listed in `Challenge.organisers` or is a superuser; a *participant* has a
Registration. Anonymous visitors are just users without either.
"""

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


def may_change(user: Viewer, challenge: Challenge) -> bool:
    """Whether `user` may change `challenge`: organisers who are staff. Other organisers look on."""
    return user.is_authenticated and user.is_staff and is_organiser(user, challenge)


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
    """Scores and the board of a blind phase are for organisers only; other phases hide nothing."""
    return not phase.is_blind or is_organiser(user, phase.challenge)


def may_see_fit(user: Viewer, phase: Phase) -> bool:
    """The scatter of predictions over MOS tells hidden values: organisers, or everybody concerned where allowed."""
    return (phase.shows_fit and not phase.is_blind) or is_organiser(user, phase.challenge)
