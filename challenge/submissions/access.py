"""Who may see which submission (part of the permission layer in `contests.access`)."""

from django.db.models import Q, QuerySet

from challenge.contests.access import Viewer
from challenge.contests.models import Challenge, Registration
from challenge.submissions.models import Submission


def visible_submissions(user: Viewer) -> QuerySet[Submission]:
    """Those of the user's own teams, and all of the challenges the user organises. Nobody else's, ever."""
    rows = Submission.objects.select_related("phase__challenge", "team", "submitted_by")
    if not user.is_authenticated:
        return rows.none()
    if user.is_superuser:
        return rows
    teams = Registration.objects.filter(user=user).values("team")
    organised = Challenge.organisers.through.objects.filter(user=user).values("challenge")
    return rows.filter(Q(team__in=teams) | Q(phase__challenge__in=organised))
