"""Announcements of a challenge: read by everybody who may see it, made by its organisers' scripts."""

from typing import Annotated

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema, Status
from pydantic import AfterValidator, Field

from challenge.announcements import services
from challenge.announcements.access import visible_announcements
from challenge.announcements.models import LONGEST_TEXT
from challenge.api.auth import Caller, Reader, optional_reader, organise
from challenge.api.errors import refusals
from challenge.api.pages import Page, part_of
from challenge.api.schemas import AnnouncementOut
from challenge.contests.access import organised_challenges, visible_challenges
from challenge.core.text import visible_text

router = Router(tags=["announcements"])
Text = Annotated[str, AfterValidator(lambda text: visible_text(text, keep="\n\t"))]


class AnnouncementIn(Schema):
    """What is announced; the text is Markdown."""

    title: Text = Field(min_length=1, max_length=120)
    text: Text = Field(min_length=1, max_length=LONGEST_TEXT)
    is_pinned: bool = False


@router.get(
    "/challenges/{slug:slug}/announcements",
    response={200: list[AnnouncementOut], **refusals(404)},
    auth=[optional_reader],
)
def list_announcements(request: Reader, response: HttpResponse, slug: str, page: Query[Page]) -> list[AnnouncementOut]:
    """Those that stand, pinned ones first, then the newest; organisers also get what was withdrawn."""
    challenge = get_object_or_404(visible_challenges(request.auth), slug=slug)
    rows = part_of(visible_announcements(request.auth, challenge), page, request, response)
    return [AnnouncementOut.from_orm(row) for row in rows]


@router.post(
    "/challenges/{slug:slug}/announcements", response={201: AnnouncementOut, **refusals(404, 409)}, auth=organise
)
def create_announcement(request: Caller, slug: str, said: AnnouncementIn) -> Status[AnnouncementOut]:
    """Publish an announcement and tell everybody who takes part."""
    challenge = get_object_or_404(organised_challenges(request.auth), slug=slug)
    made = services.publish(challenge=challenge, actor=request.auth, **said.dict())
    return Status(201, AnnouncementOut.from_orm(made))
