"""The admins' pages: all jobs, a new one, one with its progress, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from challenge.core.export import csv_response
from challenge.core.http import SignedInRequest
from challenge.jobs import services
from challenge.jobs.access import for_admins, get_job
from challenge.jobs.claims import in_hand
from challenge.jobs.folders import bytes_used
from challenge.jobs.forms import TitleForm
from challenge.jobs.kinds import InvalidParameters, JobKind, kind_of, kinds, stage_of
from challenge.jobs.models import Job
from challenge.jobs.progress import counts_of, progress_of
from challenge.jobs.states import ACTIVE, FINAL, JobState

PER_PAGE = 30
EVENTS = 50
CSV_COLUMNS = ("stage", "position", "group", "batch", "state", "attempts", "finished_at", "problem")


@for_admins
@require_safe
def jobs(request: SignedInRequest) -> HttpResponse:
    """All jobs, newest first."""
    page = Paginator(Job.objects.select_related("created_by"), PER_PAGE).get_page(request.GET.get("page"))
    bars = counts_of(list(page))
    entries = [
        {"job": job, "kind": kind_of(job.kind), "bar": bars[job.pk], "bytes": bytes_used(job.pk)} for job in page
    ]
    return render(request, "jobs/list.html", {"page": page, "entries": entries})


@for_admins
@require_safe
def choose_kind(request: SignedInRequest) -> HttpResponse:
    """What kinds of jobs there are."""
    return render(request, "jobs/choose.html", {"kinds": [kind for kind in kinds() if kind.offered]})


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def new_job(request: SignedInRequest, kind: str) -> HttpResponse:
    """The form of one kind; a POST starts the job."""
    found = kind_of(kind)
    if found is None or not found.offered:
        raise Http404
    data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    return answer_form(request, found, found.form(data, files))


def answer_form(request: SignedInRequest, kind: JobKind, form: forms.Form) -> HttpResponse:
    """Start a job if the form is bound and good; else show it."""
    title = TitleForm(request.POST if form.is_bound else None)
    if form.is_bound and title.is_valid() and form.is_valid():
        try:
            cleaned = form.cleaned_data
            job = services.create(kind=kind, title=title.cleaned_data["title"], cleaned=cleaned, actor=request.user)
        except InvalidParameters as error:
            for problem in error.problems:
                form.add_error(None, problem)
        else:
            return redirect(job)
    context = {"kind": kind, "title_form": title, "form": form}
    return render(request, "jobs/new.html", context, status=422 if title.errors or form.errors else 200)


@for_admins
@require_safe
def job_page(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """One job: what can be done with it, and its progress."""
    job = get_job(job_id)
    kind = kind_of(job.kind)
    stage = stage_of(kind, job.stage) if kind else None
    context = {
        **_context(job),
        "can_pause": job.state in (JobState.WAITING, JobState.RUNNING),
        "can_resume": job.state == JobState.PAUSED,
        "can_cancel": job.state not in {*FINAL, JobState.CANCELLING},
        "can_retry": job.state == JobState.FAILED,
        "can_skip": job.state == JobState.FAILED and stage is not None and stage.can_skip,
        "can_delete": job.state in {*FINAL, JobState.FAILED, JobState.PAUSED},
        "doubts": job.doubts.count(),
        "undecided": job.doubts.filter(decision="").count(),
        "links": kind.links(job.state, job.stage) if kind else (),
        "parameters": _parameters(job),
    }
    return render(request, "jobs/detail.html", context)


def _parameters(job: Job) -> list[tuple[str, Any]]:
    """(what the form calls it, value) of each parameter, choices by their words."""
    kind = kind_of(job.kind)
    fields: dict[str, Any] = kind.form().fields if kind else {}
    told = []
    for name, value in job.parameters.items():
        field = fields.get(name)
        label = getattr(field, "label", None) or name.replace("_", " ").capitalize()
        words = dict(getattr(field, "choices", ()) or ())
        told.append((label, words.get(value, value) if isinstance(value, str) else value))
    return told


@for_admins
@require_safe
def job_status(request: SignedInRequest, job_id: UUID, state: str) -> HttpResponse:
    """The part of its page that changes. When the job is no more in the state that the page shows, the whole page is
    loaded again: what can be done has changed, too."""
    job = get_job(job_id)
    if state != job.state:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "jobs/status.html", _context(job))


def _context(job: Job) -> dict[str, Any]:
    return {
        "job": job,
        "kind": kind_of(job.kind),
        "progress": progress_of(job),
        "events": job.events.select_related("actor")[:EVENTS],
        "is_active": job.state in ACTIVE or (job.state == JobState.PAUSED and in_hand(job).exists()),
        "bytes": bytes_used(job.pk),
    }


def _act(request: SignedInRequest, job_id: UUID, act: Callable[[Job, Any], object], done: str) -> HttpResponse:
    job = get_job(job_id)
    try:
        act(job, request.user)
    except services.JobRefused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, done)
    return redirect(job)


@for_admins
@require_POST
def pause(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """Begin no further batch."""
    return _act(request, job_id, services.pause, "Paused. A batch that is in hand is finished first.")


@for_admins
@require_POST
def resume(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """Go on."""
    return _act(request, job_id, services.resume, "The job goes on.")


@for_admins
@require_POST
def retry(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """Try what failed once more, and go on."""
    return _act(request, job_id, services.retry, "The job goes on, what failed is tried again.")


@for_admins
@require_POST
def skip(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """Go on without what failed."""
    return _act(request, job_id, services.skip, "The job goes on without what failed.")


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """Ask, then end the job for good."""
    if request.method == "POST":
        return _act(request, job_id, services.cancel, "Cancelled. A batch that is in hand is finished first.")
    return render(request, "jobs/cancel.html", _context(get_job(job_id)))


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """Ask, then remove the job with its files."""
    job = get_job(job_id)
    if request.method != "POST":
        return render(request, "jobs/delete.html", _context(job))
    try:
        services.delete(job, request.user)
    except services.JobRefused as refused:
        messages.warning(request, str(refused))
        return redirect(job)
    messages.success(request, f"«{job.title}» and its files are removed.")
    return redirect("jobs")


@for_admins
@require_safe
def items_csv(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """Every item with its parameters and what came of it, one column for each key."""
    job = get_job(job_id)
    items = list(job.items.order_by("stage", "position"))
    keys = [sorted({key for item in items for key in getattr(item, part)}) for part in ("parameters", "result")]
    header = [*CSV_COLUMNS, *keys[0], *(f"result_{key}" for key in keys[1])]
    rows = [
        [
            *(item.stage, item.position, item.group, item.key, item.state, item.attempts),
            *(item.finished_at.isoformat() if item.finished_at else None, item.problem),
            *(_cell(item.parameters.get(key)) for key in keys[0]),
            *(_cell(item.result.get(key)) for key in keys[1]),
        ]
        for item in items
    ]
    return csv_response(f"job-{str(job.pk)[:8]}-items.csv", header, rows)


def _cell(value: Any) -> Any:
    return str(value) if isinstance(value, dict | list) else value
