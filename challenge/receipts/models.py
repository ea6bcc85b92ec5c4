"""Signed receipts, stored as the bytes that were signed: what a receipt says does not follow later changes of rows."""

import json
import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from challenge.submissions.models import Evaluation, Submission


class Receipt(models.Model):
    """That a file was accepted (one for each submission), or what an evaluation of it gave (one for each).

    `text` is the canonical form of the document (scoring.receipts), kept as text because a database's JSON type may
    write a number in another way. Rows are only ever added.
    """

    class Kind(models.TextChoices):
        ACCEPTED = "accepted", "File accepted"
        SCORED = "scored", "Scored"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="receipts")
    evaluation = models.OneToOneField(Evaluation, null=True, on_delete=models.CASCADE, related_name="receipt")
    kind = models.CharField(max_length=8, choices=Kind)
    text = models.TextField()
    signature = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["submission"], condition=Q(kind="accepted"), name="receipt_accepted_once"),
            models.CheckConstraint(
                condition=Q(kind="accepted", evaluation=None) | Q(kind="scored", evaluation__isnull=False),
                name="receipt_scored_has_an_evaluation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.submission}"

    @property
    def document(self) -> dict[str, Any]:
        """What was signed."""
        document: dict[str, Any] = json.loads(self.text)
        return document

    def to_dict(self) -> dict[str, Any]:
        """The receipt as it is handed out."""
        return {"receipt": self.document, "signature": self.signature}
