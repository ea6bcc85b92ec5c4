"""Who may have which receipt (part of the permission layer in `contests.access`)."""

from django.db.models import QuerySet

from challenge.contests.access import Viewer, export_decimals, may_see_results
from challenge.receipts.models import Receipt
from challenge.submissions.models import Submission


def visible_scored_receipts(user: Viewer, submission: Submission) -> QuerySet[Receipt]:
    """The receipts of scores that were published, where `user` may see scores; `submission` is one they may see."""
    rows = Receipt.objects.filter(submission=submission, kind=Receipt.Kind.SCORED)
    phase = submission.phase
    # A receipt holds all digits: where a phase shows few, it waits until the organisers show them all.
    if not may_see_results(user, phase) or export_decimals(user, phase) is not None:
        return rows.none()
    return rows.filter(evaluation__published_at__isnull=False)
