"""Who may see which announcements: everybody who may see the challenge those that stand, organisers all of them."""

from django.db.models import QuerySet

from challenge.announcements.models import Announcement
from challenge.contests.access import Viewer, is_organiser
from challenge.contests.models import Challenge


def visible_announcements(user: Viewer, challenge: Challenge) -> QuerySet[Announcement]:
    """Those of a challenge that `user`, who may see it, may read: pinned ones first, then the newest."""
    rows = challenge.announcements.select_related("challenge")
    return rows if is_organiser(user, challenge) else rows.filter(withdrawn_at=None)
