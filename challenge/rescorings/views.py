"""The organisers' pages: what a phase is scored with, scoring it again, the report, the decision."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

import scoring
from challenge.contests.models import Phase
from challenge.core.export import csv_response
from challenge.core.http import SignedInRequest
from challenge.core.work import State
from challenge.rescorings import services
from challenge.rescorings.access import organised_phase
from challenge.rescorings.forms import StartForm
from challenge.rescorings.models import Rescoring
from challenge.rescorings.report import main_scores, make_report, rescored_rows
from challenge.submissions.models import Evaluation


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: SignedInRequest, challenge: str, phase: str) -> HttpResponse:
    """Keys with their checks, what the scores in force come from, past rescorings; a POST starts one."""
    shown = organised_phase(request.user, challenge, phase)
    form = StartForm(shown, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            rescoring = services.start(phase=shown, actor=request.user, **form.cleaned_data)
        except services.RescoringRefused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect(rescoring)
    in_force = Evaluation.objects.filter(submission__phase=shown, is_current=True)
    sources = in_force.values("answer_key__version", "scorer_version", "formula").annotate(count=Count("pk"))
    rescorings = shown.rescorings.select_related("answer_key", "started_by", "decided_by")
    context = {
        **_page(shown),
        "form": form,
        "answer_keys": shown.answer_keys.select_related("check_run", "uploaded_by").order_by("-version"),
        "sources": sources.order_by("scorer_version", "answer_key__version"),
        "scorer_version": scoring.SCORER_VERSION,
        "outdated": in_force.exclude(scorer_version=scoring.SCORER_VERSION).count(),
        "rescorings": rescorings,
        "open": rescorings.filter(decision=Rescoring.Decision.OPEN).first(),
    }
    return render(request, "rescorings/overview.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def detail(request: SignedInRequest, challenge: str, phase: str, rescoring_id: UUID) -> HttpResponse:
    """One rescoring: its progress, then its report and what can be decided."""
    rescoring = _rescoring(request, challenge, phase, rescoring_id)
    return render(request, "rescorings/detail.html", _context(rescoring))


@login_required
@require_safe
def status(request: SignedInRequest, challenge: str, phase: str, rescoring_id: UUID) -> HttpResponse:
    """The part of its page that changes; it asks for itself again while there is work."""
    rescoring = _rescoring(request, challenge, phase, rescoring_id)
    return render(request, "rescorings/status.html", _context(rescoring))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def publish(request: SignedInRequest, challenge: str, phase: str, rescoring_id: UUID) -> HttpResponse:
    """Ask, then put everything in force at once."""
    rescoring = _rescoring(request, challenge, phase, rescoring_id)
    if request.method != "POST":
        return render(request, "rescorings/publish.html", _context(rescoring))
    return _decide(request, rescoring, services.publish, "Published. The board shows the new scores.")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def discard(request: SignedInRequest, challenge: str, phase: str, rescoring_id: UUID) -> HttpResponse:
    """Ask, then stop it or throw the result away."""
    rescoring = _rescoring(request, challenge, phase, rescoring_id)
    if request.method != "POST":
        return render(request, "rescorings/discard.html", _context(rescoring))
    return _decide(request, rescoring, services.discard, "Discarded. Nothing has changed on the board.")


@login_required
@require_POST
def retry(request: SignedInRequest, challenge: str, phase: str, rescoring_id: UUID) -> HttpResponse:
    """Let one that failed go on where it stopped."""
    rescoring = _rescoring(request, challenge, phase, rescoring_id)
    if not services.retry(rescoring, request.user):
        messages.warning(request, "There is nothing to go on with: it did not fail, or it is decided.")
    return redirect(rescoring)


@login_required
@require_safe
def report_csv(request: SignedInRequest, challenge: str, phase: str, rescoring_id: UUID) -> HttpResponse:
    """Every submission with its main score before and after, in full precision."""
    rescoring = _rescoring(request, challenge, phase, rescoring_id)
    items = list(rescored_rows(rescoring))
    rows = [
        [
            *(item.submission_id, item.submission.label, item.submission.kind, item.submission.received_at.isoformat()),
            *(old, new, None if old is None or new is None else new - old, item.failure),
        ]
        for item, (old, new) in zip(items, main_scores(items), strict=True)
    ]
    header = ["submission", "name", "kind", "received_at", "main_before", "main_after", "change", "failure"]
    return csv_response(f"{challenge}-{phase}-rescoring-key-{rescoring.answer_key.version}.csv", header, rows)


def _rescoring(request: SignedInRequest, challenge: str, phase: str, rescoring_id: UUID) -> Rescoring:
    rows = Rescoring.objects.select_related("phase__challenge", "answer_key", "started_by", "decided_by")
    found: Rescoring = get_object_or_404(rows, phase=organised_phase(request.user, challenge, phase), pk=rescoring_id)
    return found


def _decide(
    request: SignedInRequest, rescoring: Rescoring, decide: Callable[[Rescoring, Any], None], done: str
) -> HttpResponse:
    try:
        decide(rescoring, request.user)
    except services.RescoringRefused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, done)
    return redirect(rescoring)


def _page(phase: Phase) -> dict[str, Any]:
    return {"challenge": phase.challenge, "phase": phase}


def _context(rescoring: Rescoring) -> dict[str, Any]:
    is_open = rescoring.decision == Rescoring.Decision.OPEN
    is_done = rescoring.state == State.DONE
    done, left = rescoring.rescored.count(), services.missing(rescoring).count() if is_open else 0
    return {
        **_page(rescoring.phase),
        "rescoring": rescoring,
        "is_open": is_open,
        "is_done": is_done,
        "is_working": is_open and rescoring.state in (State.WAITING, State.RUNNING),
        "has_failed": is_open and rescoring.state == State.FAILED,
        "done": done,
        "left": left,
        "total": done + left,
        "report": make_report(rescoring) if is_open and is_done else rescoring.report,
    }
