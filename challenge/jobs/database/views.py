"""What a job has done with its prompts: the funnel, the dropped rows, and the queue of those in doubt."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from challenge.core.http import SignedInRequest
from challenge.jobs import services
from challenge.jobs.access import for_admins, get_job
from challenge.jobs.database.prompts import DROPPED, FUNNEL, FUNNEL_TEXT
from challenge.jobs.folders import folder_of
from challenge.jobs.models import Doubt, Job
from challenge.jobs.states import JobState

RULES = ("input", "exact", "merged", "cleaned", "words", "judged", "selected")
TITLES = {
    "input": "Input",
    "exact": "Same prompt",
    "merged": "Nearly the same prompt",
    "cleaned": "Cleaned",
    "words": "Listed words",
    "judged": "Judged",
    "selected": "Selected",
}
PER_PAGE = 50
DOUBTS_PER_PAGE = 100
DECISIONS = [choice.value for choice in Doubt.Decision]
DOWNLOADS = {"json": (FUNNEL, "application/json"), "md": (FUNNEL_TEXT, "text/markdown"), "csv": (DROPPED, "text/csv")}


@for_admins
@require_safe
def funnel(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """Rows left after each rule, and the dropped ones with reason, what they were merged into and how similar it is."""
    job = get_job(job_id)
    report = _report(job)
    rule = request.GET.get("rule", "")
    if rule not in RULES:
        rule = ""
    reasons = report["dropped"] if report else {}
    total = sum(sum(found.values()) for name, found in reasons.items() if rule in ("", name))
    page = Paginator(range(total), PER_PAGE).get_page(request.GET.get("page"))
    start = page.start_index() - 1 if total else 0
    context = {
        "job": job,
        "report": report,
        "steps": _steps(report) if report else [],
        "reasons": [
            (TITLES[name], reason, number) for name, found in reasons.items() for reason, number in found.items()
        ],
        "rules": [(name, TITLES[name]) for name in reasons],
        "rule": rule,
        "page": page,
        "query": urlencode({"rule": rule}) + "&" if rule else "",
        "dropped": list(islice(_dropped(job, rule), start, start + PER_PAGE)),
    }
    return render(request, "jobs/funnel.html", context)


def _report(job: Job) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((folder_of(job.pk) / FUNNEL).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found


def _steps(report: dict[str, Any]) -> list[dict[str, Any]]:
    """{title, left, dropped} of each rule; left is None where it was not run."""
    steps: list[dict[str, Any]] = []
    before = report["input"]
    for rule in RULES:
        left = report[rule]
        steps.append({"title": TITLES[rule], "left": left, "dropped": 0 if left is None else before - left})
        before = before if left is None else left
    return steps


def _dropped(job: Job, rule: str) -> Iterator[dict[str, str]]:
    path = folder_of(job.pk) / DROPPED
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="") as stream:
        yield from (row for row in csv.DictReader(stream) if rule in ("", row["rule"]))


@for_admins
@require_safe
def download(request: SignedInRequest, job_id: UUID, form: str) -> HttpResponseBase:
    """The funnel as JSON or Markdown, or the dropped rows as CSV: the files of the library."""
    if form not in DOWNLOADS:
        raise Http404
    name, kind = DOWNLOADS[form]
    path: Path = folder_of(get_job(job_id).pk) / name
    if not path.exists():
        raise Http404
    return FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type=f"{kind}; charset=utf-8")


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """The queue for people: accept or reject prompts of which the judge is unsure, one by one or all on a page."""
    job = get_job(job_id)
    doubts = job.doubts.select_related("decided_by")
    if request.GET.get("show") == "undecided":
        doubts = doubts.filter(decision=Doubt.Decision.UNDECIDED)
    page = Paginator(doubts, DOUBTS_PER_PAGE).get_page(request.GET.get("page"))
    if request.method == "POST":
        return _decide(request, job, list(page))
    context = {
        "job": job,
        "page": page,
        "query": "show=undecided&" if request.GET.get("show") == "undecided" else "",
        "total": job.doubts.count(),
        "undecided": job.doubts.filter(decision=Doubt.Decision.UNDECIDED).count(),
        "can_decide": job.state == JobState.PAUSED,
    }
    return render(request, "jobs/review.html", context)


def _decide(request: SignedInRequest, job: Job, shown: list[Doubt]) -> HttpResponse:
    """Save what was chosen for the prompts on the page; `all` is one decision for those without any, `then` goes on."""
    everything, chosen = request.POST.get("all", ""), {}
    for doubt in shown:
        decision = request.POST.get(f"d{doubt.pk}", doubt.decision) or everything
        if decision in DECISIONS and decision != doubt.decision:
            chosen[doubt.pk] = decision
    try:
        with transaction.atomic():
            for decision in DECISIONS:
                services.decide(job, [pk for pk, said in chosen.items() if said == decision], decision, request.user)
            if request.POST.get("then") == "resume":
                services.resume(job, request.user)
    except services.JobRefused as refused:
        messages.warning(request, str(refused))
        return redirect(job)
    if request.POST.get("then") == "resume":
        messages.success(request, "The job goes on with your decisions.")
        return redirect(job)
    messages.success(request, f"{len(chosen)} decision{'' if len(chosen) == 1 else 's'} saved.")
    return redirect(request.get_full_path())
