"""A team's own fact sheet: filling it in, submitting it, and its files."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from challenge.contests.access import registration_of, visible_phases
from challenge.contests.models import Phase, Team
from challenge.core.downloads import send_file
from challenge.core.http import SignedInRequest
from challenge.core.limits import limited
from challenge.reports import services
from challenge.reports.access import stored_attachment, visible_attachments
from challenge.reports.attachments import FileRefused
from challenge.reports.completeness import missing
from challenge.reports.forms import AuthorFormSet, SheetForm, shown_forms
from challenge.reports.models import Collection, FactSheet
from challenge.reports.prefill import initial_of, owes_sheet, phases_that_ask
from challenge.submissions.models import Submission

SAVES_SHOWN = 20


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited("upload")
def fact_sheet(request: SignedInRequest, challenge: str, phase: str) -> HttpResponse:
    """The sheet as a form while it may be changed, else as it is; a POST saves it, `and=submit` goes on to submitting.

    Whatever cannot be saved comes back with everything that was typed.
    """
    shown, elsewhere = _participating(request, challenge, phase)
    if shown is None:
        return elsewhere
    found, team = shown
    sheet = sheet_of(found, team)
    if request.method != "POST":
        form, authors = shown_forms(sheet, initial_of(team, found))
        return _page(request, (found, team, sheet), form, authors)
    form = SheetForm(request.POST, request.FILES, sheet=sheet)
    authors = AuthorFormSet(request.POST, prefix="authors")
    status = 422
    if form.is_valid() and authors.is_valid():
        try:
            sheet = _saved(request, found, form, authors)
        except services.SheetStale as stale:
            # What was typed stays, and the next save is knowingly one over the other's.
            sheet, status = stale.sheet, 409
            typed = request.POST.copy()
            typed["version"] = str(sheet.version)
            form.data = typed
            return _page(request, (found, team, sheet), form, authors, status=status, stale=stale)
        except services.SheetRefused as refused:
            form.add_error(None, str(refused))
        except FileRefused as refused:
            form.add_error("attachment", str(refused))
        else:
            return _after_saving(request, sheet, found)
    return _page(request, (found, team, sheet), form, authors, status=status)


def _saved(request: SignedInRequest, phase: Phase, form: SheetForm, authors: Any) -> FactSheet:
    return services.save_sheet(
        phase=phase,
        user=request.user,
        version=form.cleaned_data["version"] or 0,
        values=form.values(),
        authors=authors.rows(),
        upload=form.cleaned_data["attachment"],
        removed=form.cleaned_data["removed"],
    )


def _after_saving(request: SignedInRequest, sheet: FactSheet, phase: Phase) -> HttpResponse:
    messages.success(request, "Saved." if sheet.is_submitted else "Saved as a draft.")
    page = "fact-sheet-submit" if request.POST.get("and") == "submit" else "fact-sheet"
    return redirect(page, challenge=phase.challenge.slug, phase=phase.slug)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def submit(request: SignedInRequest, challenge: str, phase: str) -> HttpResponse:
    """What would be printed, then submit it; or what is still missing."""
    shown, elsewhere = _participating(request, challenge, phase)
    if shown is None:
        return elsewhere
    found, team = shown
    if request.method == "POST":
        version = request.POST.get("version", "")
        try:
            services.submit_sheet(
                phase=found, user=request.user, version=int(version) if version.isdecimal() and len(version) < 10 else 0
            )
        except services.SheetRefused as refused:
            messages.warning(request, str(refused))
            return redirect("fact-sheet-submit", challenge=challenge, phase=phase)
        messages.success(request, "Submitted. You may change the sheet as long as the organisers collect them.")
        return redirect("fact-sheet", challenge=challenge, phase=phase)
    sheet = sheet_of(found, team)
    if sheet is None:
        messages.info(request, "Fill in the sheet and save it first.")
        return redirect("fact-sheet", challenge=challenge, phase=phase)
    context = {
        **_about(found, team, sheet),
        "lacking": missing(sheet),
    }
    return render(request, "reports/submit.html", context)


@login_required
@require_safe
def sheet_file(request: SignedInRequest, attachment_id: UUID) -> HttpResponseBase:
    """A file of a sheet, to its team and the organisers."""
    attachment = get_object_or_404(visible_attachments(request.user), pk=attachment_id)
    response = send_file(request, stored_attachment(attachment))
    response["X-Checksum-SHA256"] = attachment.sha256
    return response


def sheet_of(phase: Phase, team: Team) -> FactSheet | None:
    """The team's sheet, with its authors and files."""
    rows = FactSheet.objects.select_related("saved_by").prefetch_related("authors", "attachments")
    return rows.filter(phase=phase, team=team).first()


def sheet_states(team: Team) -> list[dict[str, Any]]:
    """For the team's page: the phases that ask it for a sheet, with what is collected and the state of the sheet."""
    asking = Collection.objects.filter(phase__in=phases_that_ask(team)).select_related("phase")
    states = dict(FactSheet.objects.filter(team=team).values_list("phase", "status"))
    return [
        {"phase": one.phase, "collection": one, "status": states.get(one.phase_id, "missing")}
        for one in asking.order_by("phase__position", "phase__opens_at")
    ]


def _participating(
    request: SignedInRequest, challenge: str, phase: str
) -> tuple[tuple[Phase, Team] | None, HttpResponse]:
    """The phase and the viewer's team, or where those go who have none or owe consent."""
    shown = get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)
    registration = registration_of(request.user, shown.challenge)
    if registration is None:
        return None, redirect("join", challenge=challenge)
    if registration.owes_consent:
        messages.info(request, "The terms have changed. Accept them; then you can fill in the fact sheet.")
        return None, redirect("terms", challenge=challenge)
    return (shown, registration.team), HttpResponse()


def _about(phase: Phase, team: Team, sheet: FactSheet | None) -> dict[str, Any]:
    collection = services.collection_of(phase)
    return {
        "challenge": phase.challenge,
        "phase": phase,
        "team": team,
        "sheet": sheet,
        "collection": collection,
        "takes_sheets": collection is not None and collection.takes_sheets,
        "authors": list(sheet.authors.all()) if sheet else [],
        "files": list(sheet.attachments.all()) if sheet else [],
    }


def _page(
    request: SignedInRequest,
    about: tuple[Phase, Team, FactSheet | None],
    form: SheetForm,
    author_forms: Any,
    *,
    status: int = 200,
    stale: services.SheetStale | None = None,
) -> HttpResponse:
    phase, team, sheet = about
    context = {
        **_about(phase, team, sheet),
        "form": form,
        "author_forms": author_forms,
        "stale": stale,
        "owes_sheet": owes_sheet(team, phase),
        "was_filled": sheet is None and Submission.objects.filter(team=team, phase=phase).exists(),
        "lacking": missing(sheet) if sheet else [],
        "saves": sheet.saves.select_related("user")[:SAVES_SHOWN] if sheet else (),
        "most_files": settings.MAX_FACT_SHEET_FILES,
        "megabytes": f"{settings.MAX_FACT_SHEET_FILE_BYTES / 10**6:g}",
    }
    return render(request, "reports/sheet.html", context, status=status)
