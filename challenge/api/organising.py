"""What organisers' scripts do: registrations, deadlines, exports. All of it needs the scope `organise`.

To whoever does not organise the challenge, none of it exists.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema
from pydantic import AfterValidator, AwareDatetime, Field

from challenge.api.auth import Caller, organise
from challenge.api.challenges import phase_out
from challenge.api.errors import refusals
from challenge.api.pages import Page, part_of
from challenge.api.schemas import AnswerOut, PhaseOut, RegistrationOut
from challenge.contests import registrations as services
from challenge.contests.access import may_change, organised_challenges
from challenge.contests.deadlines import change_deadline
from challenge.contests.models import Phase, Registration
from challenge.contests.records import RegistrationStatus
from challenge.contests.setup import export
from challenge.core.export import csv_response
from challenge.core.text import visible_text
from challenge.datasets.access import DataAccess
from challenge.submissions.export import COLUMNS, submission_rows

router = Router(tags=["organisers"], auth=organise)
Text = Annotated[str, AfterValidator(visible_text)]


class RegistrationFilter(Page):
    """Which registrations."""

    status: RegistrationStatus | None = None


class DecisionIn(Schema):
    """What becomes of a registration; the reason goes into its owner's mail."""

    decision: Literal["accept", "reject", "again"]
    reason: Text = Field("", max_length=500)


class DeadlineIn(Schema):
    """A new deadline with its zone, and why; participants read that."""

    closes_at: AwareDatetime
    reason: Text = Field(max_length=300)
    confirms_shortening: bool = False


def _file(media_type: str, kind: str) -> dict[str, Any]:
    content = {media_type: {"schema": {"type": kind}}}
    return {"responses": {200: {"description": "The file", "content": content}}}


@router.get("/challenges/{slug:slug}/registrations", response={200: list[RegistrationOut], **refusals(404)})
def list_registrations(
    request: Caller, response: HttpResponse, slug: str, wanted: Query[RegistrationFilter]
) -> list[RegistrationOut]:
    """Who has registered, newest first, with their answers."""
    challenge = get_object_or_404(organised_challenges(request.auth), slug=slug)
    rows = challenge.registrations.select_related("user", "team").order_by("-created_at", "pk")
    if wanted.status:
        rows = rows.filter(status=wanted.status)
    return [_registration(row) for row in part_of(rows, wanted, request, response)]


@router.post("/registrations/{registration_id}/decision", response={200: RegistrationOut, **refusals(404, 409)})
def decide(request: Caller, registration_id: UUID, said: DecisionIn) -> RegistrationOut:
    """Accept or reject a registration, or let a rejected one apply again. What is so already stays so."""
    rows = Registration.objects.filter(challenge__in=organised_challenges(request.auth))
    registration = get_object_or_404(rows.select_related("user", "team"), pk=registration_id)
    services.apply(registration, said.decision, actor=request.auth, reason=said.reason)
    return _registration(rows.select_related("user", "team").get(pk=registration.pk))


@router.get(
    "/phases/{phase_id}/submissions.csv",
    response=refusals(404),
    openapi_extra=_file("text/csv; charset=utf-8", "string"),
)
def submissions_csv(request: Caller, phase_id: UUID) -> HttpResponse:
    """All submissions of a phase as CSV, oldest first, scores in full precision; of any phase, blind or not."""
    phase = get_object_or_404(_phases(request), pk=phase_id)
    return csv_response(f"{phase.challenge.slug}-{phase.slug}-submissions.csv", COLUMNS, submission_rows(phase))


@router.post("/phases/{phase_id}/deadline", response={200: PhaseOut, **refusals(404, 409)})
def move_deadline(request: Caller, phase_id: UUID, said: DeadlineIn) -> PhaseOut:
    """Move the deadline of a phase, with a record, a banner and a mail to participants."""
    phase = get_object_or_404(_phases(request), pk=phase_id)
    if not may_change(request.auth, phase.challenge):
        raise services.NotPossible("Deadlines are changed by organisers who are staff.")
    change_deadline(phase=phase, actor=request.auth, **said.dict())
    return phase_out(DataAccess.of(request.auth, phase.challenge), phase)


@router.get(
    "/challenges/{slug:slug}/configuration.yaml",
    response=refusals(404),
    openapi_extra=_file("application/yaml", "object"),
)
def configuration_yaml(request: Caller, slug: str) -> HttpResponse:
    """The challenge as one file: rules and phases, without keys, files, teams and people."""
    challenge = get_object_or_404(organised_challenges(request.auth), slug=slug)
    return HttpResponse(export(challenge, "yaml"), content_type="application/yaml")


@router.get(
    "/challenges/{slug:slug}/configuration.json",
    response=refusals(404),
    openapi_extra=_file("application/json", "object"),
)
def configuration_json(request: Caller, slug: str) -> HttpResponse:
    """The same as JSON."""
    challenge = get_object_or_404(organised_challenges(request.auth), slug=slug)
    return HttpResponse(export(challenge, "json"), content_type="application/json")


def _phases(request: Caller) -> Any:
    return Phase.objects.select_related("challenge").filter(challenge__in=organised_challenges(request.auth))


def _registration(row: Registration) -> RegistrationOut:
    return RegistrationOut(
        id=row.pk,
        username=row.user.username,
        email=row.user.email,
        team=row.team.name if row.team else None,
        status=row.status,
        answers=[AnswerOut(**answer) for answer in row.answers],
        terms_version=row.terms_version,
        terms_accepted_at=row.terms_accepted_at,
        created_at=row.created_at,
    )
