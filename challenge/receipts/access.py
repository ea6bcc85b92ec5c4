"""Who may have which receipt (part of the permission layer in `contests.access`)."""

from django.db.models import QuerySet

from challenge.contests.access import Viewer, may_see_scores
from challenge.receipts.models import Receipt
from challenge.submissions.models import Submission


def visible_scored_receipts(user: Viewer, submission: Submission) -> QuerySet[Receipt]:
    """The receipts of scores that were published, where `user` may see scores; `submission` is one they may see."""
    rows = Receipt.objects.filter(submission=submission, kind=Receipt.Kind.SCORED)
    if not may_see_scores(user, submission.phase):
        return rows.none()
    return rows.filter(evaluation__published_at__isnull=False)
