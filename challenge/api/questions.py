"""Questions of a challenge and their answers; asking one."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema, Status
from pydantic import Field

from challenge.api.auth import Caller, Limit, Reader, api_limit, optional_reader, submit
from challenge.api.errors import refusals
from challenge.api.pages import Page, part_of
from challenge.api.schemas import QuestionOut
from challenge.contests.access import Viewer, is_organiser, visible_challenges
from challenge.questions import services
from challenge.questions.access import told_by, visible_questions
from challenge.questions.models import LONGEST_QUESTION, Question

router = Router(tags=["questions"])
ask_limit = Limit("ask")


class QuestionIn(Schema):
    """A question in plain text; `shows_team`: others may read which team asked."""

    text: str = Field(min_length=1, max_length=LONGEST_QUESTION)
    shows_team: bool = False


@router.get(
    "/challenges/{slug:slug}/questions", response={200: list[QuestionOut], **refusals(404)}, auth=[optional_reader]
)
def list_questions(request: Reader, response: HttpResponse, slug: str, page: Query[Page]) -> list[QuestionOut]:
    """Published questions and the caller's own, newest first; organisers get all."""
    challenge = get_object_or_404(visible_challenges(request.auth), slug=slug)
    organises = is_organiser(request.auth, challenge)
    rows = part_of(visible_questions(request.auth, challenge), page, request, response)
    return [_out(row, request.auth, organises=organises) for row in rows]


@router.post(
    "/challenges/{slug:slug}/questions",
    response={201: QuestionOut, **refusals(403, 404)},
    auth=submit,
    throttle=[api_limit, ask_limit],
)
def create_question(request: Caller, slug: str, said: QuestionIn) -> Status[QuestionOut]:
    """Ask the organisers, who are told. For those who take part."""
    challenge = get_object_or_404(visible_challenges(request.auth), slug=slug)
    made = services.ask(challenge=challenge, user=request.auth, text=said.text, shows_team=said.shows_team)
    return Status(201, _out(made, request.auth, organises=False))


def _out(row: Question, user: Viewer, *, organises: bool) -> QuestionOut:
    return QuestionOut(
        id=row.pk,
        text=row.text,
        team=told_by(row, user, organises=organises) or None,
        is_mine=row.asker_id is not None and row.asker_id == user.pk,
        is_published=row.is_published,
        created_at=row.created_at,
        answer=row.answer,
        answered_at=row.answered_at,
        edited_at=row.edited_at,
    )
