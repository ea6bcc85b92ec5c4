"""The caller's own notifications."""

from django.http import HttpResponse
from ninja import Query, Router

from challenge.api.auth import Caller, read
from challenge.api.errors import refusals
from challenge.api.pages import Page, part_of
from challenge.api.schemas import NotificationOut
from challenge.notices.services import absolute, inbox

router = Router(tags=["notifications"])


class NotificationFilter(Page):
    """Which of them."""

    unread: bool = False


@router.get("/notifications", response={200: list[NotificationOut], **refusals()}, auth=read)
def list_notifications(
    request: Caller, response: HttpResponse, wanted: Query[NotificationFilter]
) -> list[NotificationOut]:
    """What the caller was told on the site, newest first. Reading them here does not mark them as read."""
    rows = inbox(request.auth)
    rows = rows.filter(read_at=None) if wanted.unread else rows
    return [
        NotificationOut(
            id=row.pk,
            kind=row.notice.kind,
            challenge=row.notice.challenge.slug,
            title=row.notice.title,
            text=row.notice.text,
            url=absolute(row.notice.path),
            at=row.at,
            read_at=row.read_at,
        )
        for row in part_of(rows, wanted, request, response)
    ]
