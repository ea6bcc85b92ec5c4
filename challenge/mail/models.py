"""One message to one person. The row is the outbox (design section 3): a mail server that is down delays a message, and
never a request or a decision.

A worker notes that a message leaves before it leaves. One that dies in between has it failed, not sent again: nobody
gets a message twice, and what it said is in the inbox on the site as well (`challenge.notices`).
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models

from challenge.core.work import Work


class Message(Work):
    """A plain-text mail to the main address its user has when it is sent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="messages")
    subject = models.CharField(max_length=200)
    body = models.TextField()
    unsubscribe_url = models.CharField(max_length=500, blank=True)
    left_at = models.DateTimeField(null=True, editable=False)

    class Meta(Work.Meta):
        ordering: ClassVar = ["created_at"]

    def __str__(self) -> str:
        return self.subject
