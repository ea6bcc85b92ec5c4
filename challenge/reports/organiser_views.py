"""The organisers' pages of a phase: who has handed in a sheet, each team's sheet and reproduction, the report."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from challenge.contests.models import Phase
from challenge.core.http import SignedInRequest
from challenge.core.limits import limited
from challenge.core.work import State
from challenge.reports import reproductions, services
from challenge.reports.archive import report_zip
from challenge.reports.forms import CollectionForm, ReproductionForm
from challenge.reports.models import Reproduction
from challenge.reports.report import Entry, Report, report_of
from challenge.rescorings.access import organised_phase
from challenge.submissions.intake import SubmissionRefused
from challenge.submissions.models import Submission

UNFINISHED = (State.WAITING, State.RUNNING)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: SignedInRequest, challenge: str, phase: str) -> HttpResponse:
    """Collecting sheets, who has handed one in, reproductions, downloads; a POST changes what is collected."""
    shown = organised_phase(request.user, challenge, phase)
    collection = services.collection_of(shown)
    form = CollectionForm(collection, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        is_open = {"close": False, "open": True}.get(request.POST.get("what", ""))
        services.collect(phase=shown, actor=request.user, is_open=is_open, **form.cleaned_data)
        messages.success(request, "Done.")
        return redirect("report", challenge=challenge, phase=phase)
    found = report_of(shown, request.user)
    context = {
        "challenge": shown.challenge,
        "phase": shown,
        "report": found,
        "collection": collection,
        "form": form,
        "is_working": any(_is_working(entry.reproduction) for entry in found.teams),
    }
    return render(request, "reports/report.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited("upload")
def team(request: SignedInRequest, challenge: str, phase: str, team_id: UUID) -> HttpResponse:
    """One team: its sheet as it is, and its method run again; a POST uploads what that gave."""
    shown = organised_phase(request.user, challenge, phase)
    found, entry = _entry(request, shown, team_id)
    is_sent = request.method == "POST"
    form = ReproductionForm(request.POST, request.FILES) if is_sent else ReproductionForm()
    refusal: SubmissionRefused | None = None
    if is_sent and form.is_valid():
        submission = Submission.objects.select_related("phase__challenge").get(pk=entry.row.submission_id)
        said = form.cleaned_data
        try:
            reproductions.add(submission=submission, upload=said["file"], note=said["note"], actor=request.user)
        except SubmissionRefused as error:
            refusal = error
        else:
            return redirect("report-team", challenge=challenge, phase=phase, team_id=team_id)
    context = {**_team_context(found, entry), "form": form, "refusal": refusal}
    return render(request, "reports/team.html", context, status=422 if is_sent else 200)


@login_required
@require_safe
def team_status(request: SignedInRequest, challenge: str, phase: str, team_id: UUID) -> HttpResponse:
    """The part of a team's page that changes while a worker compares."""
    shown = organised_phase(request.user, challenge, phase)
    return render(request, "reports/_reproduction.html", _team_context(*_entry(request, shown, team_id)))


@login_required
@require_safe
def archive(request: SignedInRequest, challenge: str, phase: str) -> HttpResponse:
    """The report as a zip."""
    return send_report(report_of(organised_phase(request.user, challenge, phase), request.user))


def send_report(found: Report) -> HttpResponse:
    """What page and API answer."""
    response = HttpResponse(report_zip(found), content_type="application/zip")
    name = f"{found.phase.challenge.slug}-{found.phase.slug}-report.zip"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _entry(request: SignedInRequest, phase: Phase, team_id: UUID) -> tuple[Report, Entry]:
    found = report_of(phase, request.user)
    entry = next((one for one in found.teams if one.row.team_id == team_id), None)
    if entry is None:
        raise Http404
    return found, entry


def _team_context(found: Report, entry: Entry) -> dict[str, Any]:
    sheet = entry.sheet
    earlier = Reproduction.objects.filter(submission=entry.row.submission_id).select_related("uploaded_by")
    return {
        "challenge": found.phase.challenge,
        "phase": found.phase,
        "report": found,
        "entry": entry,
        "sheet": sheet,
        "authors": list(sheet.authors.all()) if sheet else [],
        "files": list(sheet.attachments.all()) if sheet else [],
        "saves": sheet.saves.select_related("user") if sheet else (),
        "is_working": _is_working(entry.reproduction),
        "earlier": earlier[1:],
    }


def _is_working(reproduction: Reproduction | None) -> bool:
    return reproduction is not None and reproduction.state in UNFINISHED
