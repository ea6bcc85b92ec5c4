"""`manage.py sign_receipts`: signs the evaluations without a receipt. Run it in a worker, where scores are signed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from challenge.receipts.services import issue_scored
from challenge.submissions.models import Evaluation


class Command(BaseCommand):
    """Sign what was scored before this server signed receipts, or by a worker without the key."""

    help = "Sign evaluations that have no receipt (needs RECEIPT_SCORED_KEY_FILE)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Oldest first; each is stored by itself, so it can be stopped at any time."""
        rows = Evaluation.objects.filter(receipt=None).order_by("created_at")
        count = 0
        for evaluation in rows.select_related("answer_key", "submission__phase__challenge", "submission__team"):
            if issue_scored(evaluation) is None:
                raise CommandError("This process has no key that signs scores: set RECEIPT_SCORED_KEY_FILE.")
            count += 1
        self.stdout.write(f"{count} receipts signed")
