"""Mail that tells the participants what happened: a Notice for each event, a Delivery for each of its readers."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from challenge.contests.models import PhaseEvent
from challenge.core.work import Work


class Notice(Work):
    """The mails about one event, sent by a worker."""

    event = models.OneToOneField(PhaseEvent, primary_key=True, on_delete=models.CASCADE, related_name="notice")

    def __str__(self) -> str:
        return f"notice of {self.event}"


class Delivery(models.Model):
    """One mail to one user. The row is there before the mail leaves, so that nobody gets a notice twice."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["notice", "user"], name="delivery_once_per_notice_and_user"),
        ]
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"{self.notice} to {self.user}"
