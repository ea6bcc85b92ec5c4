"""What a published rescoring leaves to tell about one submission."""

from challenge.rescorings.models import Rescored, Rescoring
from challenge.submissions.models import Submission
from challenge.submissions.states import Status


def why_unscored(submission: Submission) -> str:
    """Why a submission that was scored has no score in force: what the last published rescoring said; "" otherwise."""
    if submission.status != Status.SCORED:
        return ""
    published = Rescored.objects.filter(submission=submission, rescoring__decision=Rescoring.Decision.PUBLISHED)
    reason = published.order_by("-rescoring__decided_at").values_list("failure", flat=True).first()
    return reason or ""
