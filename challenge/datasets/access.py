"""Who may have which data file (part of the permission layer in `contests.access`)."""

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from challenge.contests.access import (
    Viewer,
    accepted_registrations,
    may_act,
    organised_challenges,
    visible_challenges,
)
from challenge.datasets.models import DataFile


def downloadable_files(user: Viewer) -> QuerySet[DataFile]:
    """Files of visible challenges that are out, if they are public or `user` takes part and has accepted the terms as
    they are now; organisers have all."""
    files = DataFile.objects.filter(challenge__in=visible_challenges(user))
    if may_act(user) and user.is_superuser:
        return files
    out = Q(available_from=None) | Q(available_from__lte=timezone.now())
    consented = accepted_registrations(user).filter(terms_version__gte=F("challenge__terms_version"))
    return files.filter(
        Q(challenge__in=organised_challenges(user).values("pk"))
        | (out & (Q(audience=DataFile.Audience.PUBLIC) | Q(challenge__in=consented.values("challenge"))))
    )
