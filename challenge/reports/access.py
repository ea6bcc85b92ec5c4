"""Who may see which fact sheet and file (part of the permission layer in `contests.access`): its team, the organisers.

A report has e-mail addresses and, of a blind phase, hidden scores: it is for organisers, always.
"""

from django.db.models import Q, QuerySet

from challenge.contests.access import Viewer, accepted_registrations, organised_challenges
from challenge.core.downloads import StoredFile
from challenge.reports.models import Attachment, FactSheet


def visible_sheets(user: Viewer) -> QuerySet[FactSheet]:
    """Those of the user's own teams, and all of the challenges the user organises."""
    teams = accepted_registrations(user).values("team")
    rows = FactSheet.objects.select_related("phase__challenge", "team", "saved_by")
    return rows.filter(Q(team__in=teams) | Q(phase__challenge__in=organised_challenges(user).values("pk")))


def visible_attachments(user: Viewer) -> QuerySet[Attachment]:
    """The files of visible sheets."""
    rows = Attachment.objects.select_related("sheet__phase__challenge", "sheet__team")
    return rows.filter(sheet__in=visible_sheets(user).values("pk"))


def stored_attachment(attachment: Attachment) -> StoredFile:
    """The file as it was attached, for somebody who may see it."""
    return StoredFile(
        storage=attachment.file.storage,
        path=str(attachment.file.name),
        name=attachment.name,
        size=attachment.size,
        etag=attachment.sha256,
        modified=attachment.created_at,
    )
