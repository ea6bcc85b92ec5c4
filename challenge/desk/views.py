"""The desk's pages: figures and drain report, the list of submissions with its exports and bulk actions."""

import json
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from challenge.contests.access import Viewer, organised_challenges
from challenge.contests.models import Challenge
from challenge.core.export import csv_response
from challenge.core.http import SignedInRequest
from challenge.desk import services
from challenge.desk.archive import archived
from challenge.desk.browser import HEADER, SORTS, SubmissionFilter, exported, listed
from challenge.desk.drain import drain_report
from challenge.desk.figures import BAR_STEP, BAR_WIDTH, PLOT_HEIGHT, bars, figures_of
from challenge.desk.forms import ACTIONS, BulkForm

ROWS_PER_PAGE = 100
SHOWN_UNSCORED = 50
DRAIN_HEADER = ("phase", "team", "submission", "status", "received_at", "reason")


def organised(user: Viewer, challenge: str) -> Challenge:
    """The challenge, if `user` organises it; Http404 otherwise."""
    found: Challenge = get_object_or_404(organised_challenges(user), slug=challenge)
    return found


@login_required
@require_safe
def desk(request: SignedInRequest, challenge: str) -> HttpResponse:
    """How the challenge is doing, and whether every accepted file is scored."""
    return render(request, "desk/desk.html", _desk_context(organised(request.user, challenge)))


@login_required
@require_safe
def figures(request: SignedInRequest, challenge: str) -> HttpResponse:
    """The part of the page that changes; it asks for itself again."""
    return render(request, "desk/_figures.html", _desk_context(organised(request.user, challenge)))


def _desk_context(challenge: Challenge) -> dict[str, Any]:
    found = figures_of(challenge)
    phases = challenge.phases.select_related("challenge")
    return {
        "challenge": challenge,
        "figures": found,
        "bars": bars(found.days),
        "bar_width": BAR_WIDTH,
        "plot_width": BAR_STEP * len(found.days),
        "plot_height": PLOT_HEIGHT,
        "most": max(day.files for day in found.days),
        "drains": [drain_report(phase) for phase in phases],
        "shown_unscored": SHOWN_UNSCORED,
        "at": timezone.now(),
    }


@login_required
@require_safe
def drain_csv(request: SignedInRequest, challenge: str) -> HttpResponseBase:
    """Every accepted file of any phase that is not scored, with the reason."""
    shown = organised(request.user, challenge)
    rows = (
        (
            drain.phase.slug,
            file.submission.label,
            str(file.submission.pk),
            file.submission.status,
            file.submission.received_at.isoformat(),
            file.reason,
        )
        for drain in map(drain_report, shown.phases.select_related("challenge"))
        for file in drain.unscored
    )
    return _unstored(csv_response(f"{shown.slug}-unscored.csv", DRAIN_HEADER, rows))


@login_required
@require_safe
def submissions(request: SignedInRequest, challenge: str) -> HttpResponse:
    """Every submission of the challenge: filter, sort, choose some for a bulk action."""
    shown = organised(request.user, challenge)
    form = SubmissionFilter(shown, request.GET)
    page = Paginator(listed(shown, form), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    sort = request.GET.get("sort", "")
    context = {
        "challenge": shown,
        "filter": form,
        "page": page,
        "query": request.GET.urlencode(),
        "columns": [_column(name, sort) for name in SORTS],
        "actions": ACTIONS,
    }
    return render(request, "desk/submissions.html", context, status=422 if form.errors else 200)


def _column(name: str, sort: str) -> dict[str, str]:
    """A heading: its name, what a click on it sorts by, and the direction it is sorted in now."""
    directions = {name: "ascending", f"-{name}": "descending"}
    return {"name": name, "next": f"-{name}" if sort == name else name, "direction": directions.get(sort, "")}


@login_required
@require_safe
def submissions_file(request: SignedInRequest, challenge: str, form: str) -> HttpResponseBase:
    """The same list, all pages of it, as CSV or JSON; or the files themselves as a zip."""
    shown = organised(request.user, challenge)
    if form not in ("csv", "json", "zip"):
        raise Http404
    found = listed(shown, SubmissionFilter(shown, request.GET))
    name = f"{shown.slug}-submissions.{form}"
    if form == "zip":
        files = StreamingHttpResponse(archived(list(found)), content_type="application/zip")
        files["Content-Disposition"] = f'attachment; filename="{name}"'
        return _unstored(files)
    rows = exported(shown, found)
    if form == "csv":
        return _unstored(csv_response(name, HEADER, ([row[column] for column in HEADER] for row in rows)))
    content = json.dumps(list(rows), ensure_ascii=False, indent=1)
    response = HttpResponse(content, content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return _unstored(response)


def _unstored(response: HttpResponseBase) -> HttpResponseBase:
    response["Cache-Control"] = "no-store"
    return response


@login_required
@require_POST
def act(request: SignedInRequest, challenge: str) -> HttpResponse:
    """Ask, then do one thing to all chosen submissions."""
    shown = organised(request.user, challenge)
    is_confirmed = "confirmed" in request.POST
    form = BulkForm(shown, request.POST, is_confirmed=is_confirmed)
    page = reverse("desk-submissions", args=[shown.slug])
    if not form.is_valid() and ("chosen" in form.errors or "action" in form.errors):
        for error in [*form.errors.get("chosen", []), *form.errors.get("action", [])]:
            messages.warning(request, error)
        return redirect(page)
    values = form.cleaned_data
    if not form.is_valid() or not is_confirmed:
        context = {"challenge": shown, "form": form, "values": values, "word": ACTIONS[values["action"]]}
        return render(request, "desk/confirm.html", context, status=422 if is_confirmed else 200)
    do = {"again": services.again, "withdraw": services.withdraw_many}[values["action"]]
    done = do(values["chosen"], actor=request.user, reason=values["reason"])
    messages.success(request, f"{ACTIONS[values['action']]}: {done.changed} of {len(values['chosen'])} done.")
    for label, reason in done.refused:
        messages.warning(request, f"{label}: {reason}")
    return redirect(page)
