"""The page on evidence of collusion in a phase, for its organisers."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from challenge.contests.models import Phase
from challenge.core.export import csv_response
from challenge.core.http import SignedInRequest
from challenge.core.work import State
from challenge.desk.evidence import UNFINISHED, ask, items_of, new_accounts
from challenge.desk.lookalikes import look_alikes
from challenge.rescorings.access import organised_phase

HEADER = ("kind", "figures", "teams", "submissions", "received_at", "users")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def evidence(request: SignedInRequest, challenge: str, phase: str) -> HttpResponse:
    """The newest run and its evidence; a POST asks for another one."""
    shown = organised_phase(request.user, challenge, phase)
    if request.method == "POST":
        ask(shown, actor=request.user)
        return redirect("evidence", challenge=challenge, phase=phase)
    return render(request, "desk/evidence.html", {**_context(shown), **_accounts(shown)})


@login_required
@require_safe
def evidence_status(request: SignedInRequest, challenge: str, phase: str) -> HttpResponse:
    """The part that changes while a worker looks."""
    return render(request, "desk/_evidence.html", _context(organised_phase(request.user, challenge, phase)))


def _context(phase: Phase) -> dict[str, Any]:
    runs = phase.evidence_runs.select_related("phase__challenge", "asked_by")
    newest, done = runs.first(), runs.filter(state=State.DONE).first()
    return {
        "challenge": phase.challenge,
        "phase": phase,
        "newest": newest,
        "is_working": newest is not None and newest.state in UNFINISHED,
        "done": done,
        "items": items_of(done) if done else (),
    }


def _accounts(phase: Phase) -> dict[str, Any]:
    return {"new_accounts": list(new_accounts(phase)), "look_alikes": look_alikes(phase.challenge)}


@login_required
@require_safe
def evidence_csv(request: SignedInRequest, challenge: str, phase: str) -> HttpResponse:
    """The evidence of the newest finished run; several submissions of one row are separated by semicolons, the one
    that came first first."""
    shown = organised_phase(request.user, challenge, phase)
    done = shown.evidence_runs.filter(state=State.DONE).first()
    rows = []
    for item in items_of(done) if done else ():
        users = [row.submitted_by.username if row.submitted_by else "" for row in item.submissions]
        columns = (
            [row.label for row in item.submissions],
            [str(row.pk) for row in item.submissions],
            [row.received_at.isoformat() for row in item.submissions],
            users,
        )
        rows.append((item.kind, item.figures, *("; ".join(column) for column in columns)))
    response = csv_response(f"{challenge}-{phase}-evidence.csv", HEADER, rows)
    response["Cache-Control"] = "no-store"
    return response
