"""Who may see which submission (part of the permission layer in `contests.access`)."""

from django.db.models import Q, QuerySet

from challenge.contests.access import Viewer, accepted_registrations, may_act, organised_challenges
from challenge.core.downloads import StoredFile
from challenge.submissions.models import Submission


def visible_submissions(user: Viewer) -> QuerySet[Submission]:
    """Those of the user's own teams, and all of the challenges the user organises. Nobody else's, ever."""
    rows = Submission.objects.select_related("phase__challenge", "team", "submitted_by")
    if not may_act(user):
        return rows.none()
    if user.is_superuser:
        return rows
    teams = accepted_registrations(user).values("team")
    return rows.filter(Q(team__in=teams) | Q(phase__challenge__in=organised_challenges(user).values("pk")))


def stored_file(submission: Submission) -> StoredFile:
    """The file as it was sent, for somebody who may see the submission."""
    return StoredFile(
        storage=submission.file.storage,
        path=str(submission.file.name),
        name=submission.file_name,
        size=submission.file_size,
        etag=submission.sha256,
        modified=submission.received_at,
    )
