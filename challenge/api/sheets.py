"""Fact sheets: a team's own, read and written; for organisers all of them, and the report."""

import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from ninja import Query, Router, Schema
from pydantic import Field

from challenge.api import errors
from challenge.api.auth import Caller, organise, read, submit
from challenge.api.errors import refusals
from challenge.api.pages import Page, part_of
from challenge.contests.access import organised_challenges, registration_of, visible_phases
from challenge.contests.models import Phase, Team
from challenge.reports import services
from challenge.reports.archive import sheet_values
from challenge.reports.completeness import missing
from challenge.reports.forms import MOST_AUTHORS, AuthorFormSet, SheetForm, form_data
from challenge.reports.models import FactSheet
from challenge.reports.organiser_views import send_report
from challenge.reports.prefill import initial_of, owes_sheet
from challenge.reports.report import report_of
from challenge.reports.views import sheet_of
from challenge.submissions.intake import SubmissionRefused

router = Router(tags=["fact sheets"])
ZIP: dict[str, Any] = {"responses": {200: {"description": "The file", "content": {"application/zip": {}}}}}


class AuthorIn(Schema):
    """An author; several affiliations are parted by semicolons."""

    name: str
    affiliation: str = ""
    email: str = ""


class Facts(Schema):
    """What a team says about its method; everything may be left out until the sheet is submitted."""

    team_title: str = ""
    method_name: str = ""
    description: str = ""
    runtime_s: float | None = None
    device: str = ""
    parameters_m: float | None = None
    training_data: str = ""
    extra_data: bool | None = None
    ensemble: bool | None = None
    ensemble_details: str = ""
    code_url: str = ""
    reference_title: str = ""
    reference_authors: str = ""
    reference_venue: str = ""
    reference_year: int | None = None


class SheetIn(Facts):
    """The sheet as it is to be: what is left out is emptied. `version` is that of the sheet it replaces, 0 for none."""

    version: int = Field(ge=0, le=10**9)
    authors: list[AuthorIn] = Field([], max_length=MOST_AUTHORS)
    submits: bool = Field(
        False, description="Submit it once it is saved; 409 says what is missing, and a draft is kept."
    )


class SheetFileOut(Schema):
    """A file beside a sheet; `url` is a page's, for browsers that are signed in."""

    name: str
    size: int
    sha256: str
    url: str


class SheetOut(Facts):
    """A sheet. `status`: missing (then the facts are what the team said when it submitted), draft or submitted.

    `missing` is what it still lacks, in words. `version` goes into the next change.
    """

    team: str
    status: str
    version: int
    saved_at: datetime.datetime | None
    saved_by: str | None
    submitted_at: datetime.datetime | None
    takes_sheets: bool
    closes_at: datetime.datetime | None
    missing: list[str]
    authors: list[AuthorIn]
    files: list[SheetFileOut]


@router.get("/phases/{phase_id}/fact-sheet", response={200: SheetOut, **refusals(403, 404, 409)}, auth=read)
def get_fact_sheet(request: Caller, phase_id: UUID) -> SheetOut:
    """The sheet of the caller's team; 409 where none is asked for."""
    phase, team = _own(request, phase_id)
    sheet = sheet_of(phase, team)
    if sheet is None and (services.collection_of(phase) is None or not owes_sheet(team, phase)):
        raise services.SheetRefused("no_scored_submission", "No fact sheet is asked of your team in this phase.")
    return _sheet(phase, team, sheet)


@router.put("/phases/{phase_id}/fact-sheet", response={200: SheetOut, **refusals(403, 404, 409)}, auth=submit)
def put_fact_sheet(request: Caller, phase_id: UUID, said: SheetIn) -> SheetOut | HttpResponse:
    """Save the sheet of the caller's team, under the rules of the page. 409 `stale_sheet`: somebody was faster."""
    phase, team = _own(request, phase_id)
    values = said.dict()
    data = form_data(values, values.pop("authors"))
    form, authors = SheetForm(data), AuthorFormSet(data, prefix="authors")
    if not (form.is_valid() and authors.is_valid()):
        return errors.problem(422, "invalid_input", "Some values are wrong.", errors=_wrong(form, authors))
    sheet = services.save_sheet(
        phase=phase, user=request.auth, version=said.version, values=form.values(), authors=authors.rows()
    )
    if said.submits:
        services.submit_sheet(phase=phase, user=request.auth, version=sheet.version)
    return _sheet(phase, team, sheet_of(phase, team))


@router.get("/phases/{phase_id}/fact-sheets", response={200: list[SheetOut], **refusals(404)}, auth=organise)
def list_fact_sheets(request: Caller, response: HttpResponse, phase_id: UUID, page: Query[Page]) -> list[SheetOut]:
    """For organisers: the sheets of all teams that owe one, those that are missing too, in the order of the board."""
    phase = _organised(request, phase_id)
    entries = part_of(report_of(phase, request.auth).teams, page, request, response)
    teams = Team.objects.in_bulk([entry.row.team_id for entry in entries])
    return [_sheet(phase, teams[entry.row.team_id], entry.sheet) for entry in entries]


@router.get("/phases/{phase_id}/report.zip", response=refusals(404), openapi_extra=ZIP, auth=organise)
def report_zip(request: Caller, phase_id: UUID) -> HttpResponse:
    """For organisers: the report as LaTeX, BibTeX, CSV and JSON, in one zip; of any phase, blind or not."""
    return send_report(report_of(_organised(request, phase_id), request.auth))


def _organised(request: Caller, phase_id: UUID) -> Phase:
    rows = Phase.objects.select_related("challenge").filter(challenge__in=organised_challenges(request.auth))
    return get_object_or_404(rows, pk=phase_id)


def _own(request: Caller, phase_id: UUID) -> tuple[Phase, Team]:
    phase = get_object_or_404(visible_phases(request.auth), pk=phase_id)
    registration = registration_of(request.auth, phase.challenge)
    if registration is None:
        raise SubmissionRefused("not_registered", "Join the challenge first.")
    return phase, registration.team


def _wrong(form: SheetForm, authors: Any) -> list[dict[str, str]]:
    found = [{"where": name, "message": str(text)} for name, texts in form.errors.items() for text in texts]
    for place, row in enumerate(authors.forms):
        found += [
            {"where": f"authors.{place}.{name}", "message": str(text)}
            for name, texts in row.errors.items()
            for text in texts
        ]
    return found


def _sheet(phase: Phase, team: Team, sheet: FactSheet | None) -> SheetOut:
    collection = services.collection_of(phase)
    about: dict[str, Any] = {
        "team": team.name,
        "takes_sheets": collection is not None and collection.takes_sheets,
        "closes_at": collection.closes_at if collection else None,
    }
    if sheet is None:
        about |= {"saved_at": None, "saved_by": None, "submitted_at": None, "missing": [], "authors": [], "files": []}
        return SheetOut(**about, **initial_of(team, phase), status="missing", version=0)
    files = [
        SheetFileOut(name=file.name, size=file.size, sha256=file.sha256, url=reverse("sheet-file", args=[file.pk]))
        for file in sheet.attachments.all()
    ]
    return SheetOut(
        **{**about, **sheet_values(sheet), "files": files},
        status=sheet.status,
        version=sheet.version,
        saved_at=sheet.saved_at,
        saved_by=sheet.saved_by.username if sheet.saved_by else None,
        submitted_at=sheet.submitted_at,
        missing=missing(sheet),
    )
