"""Who may have which data file (part of the permission layer in `contests.access`)."""

from django.db.models import Q, QuerySet
from django.utils import timezone

from challenge.contests.access import Viewer, visible_challenges
from challenge.contests.models import Challenge, Registration
from challenge.datasets.models import DataFile


def downloadable_files(user: Viewer) -> QuerySet[DataFile]:
    """Files of visible challenges that are out, if they are public or `user` is registered; organisers have all."""
    files = DataFile.objects.filter(challenge__in=visible_challenges(user))
    if user.is_authenticated and user.is_superuser:
        return files
    out = Q(available_from=None) | Q(available_from__lte=timezone.now())
    if not user.is_authenticated:
        return files.filter(out, audience=DataFile.Audience.PUBLIC)
    joined = Registration.objects.filter(user=user).values("challenge")
    organised = Challenge.organisers.through.objects.filter(user=user).values("challenge")
    return files.filter(
        Q(challenge__in=organised) | (out & (Q(audience=DataFile.Audience.PUBLIC) | Q(challenge__in=joined)))
    )
