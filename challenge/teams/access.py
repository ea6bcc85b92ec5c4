"""Who may see which plan of a merger (part of the permission layer in `contests.access`)."""

from django.db.models import Q, QuerySet

from challenge.contests.access import Viewer, accepted_registrations, organised_challenges
from challenge.teams.models import Merger


def visible_mergers(user: Viewer) -> QuerySet[Merger]:
    """Those of the user's own teams, and all of the challenges the user organises."""
    teams = accepted_registrations(user).values("team")
    organised = organised_challenges(user).values("pk")
    return Merger.objects.select_related("asking__challenge", "asked").filter(
        Q(asking__in=teams) | Q(asked__in=teams) | Q(asking__challenge__in=organised)
    )
