"""The form of a fine-tuning job, and the page that says what its repeats came to."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from challenge.contests.access import organised_challenges
from challenge.core.http import SignedInRequest
from challenge.jobs.access import for_admins, get_job
from challenge.jobs.finetuning.form import FineTuningForm
from challenge.jobs.finetuning.kind import FineTuning
from challenge.jobs.models import JobItem
from challenge.jobs.views import answer_form

FIGURES = ("srocc", "krocc", "plcc")


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def new_finetune(request: SignedInRequest) -> HttpResponse:
    """Choose what is trained and with what; a POST starts the job."""
    data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = FineTuningForm(data, files, challenges=organised_challenges(request.user))
    return answer_form(request, FineTuning(), form)


@for_admins
@require_safe
def repeats(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """Each repeat so far, and mean and standard deviation once all are there."""
    job = get_job(job_id)
    if job.kind != FineTuning.name:
        raise Http404
    rows = job.items.filter(stage="repeats").order_by("position")
    total = job.items.filter(stage="aggregate", state=JobItem.State.DONE).first()
    context = {
        "job": job,
        "rows": [(row, [row.result.get(name) for name in FIGURES]) for row in rows],
        "total": [total.result[name] for name in FIGURES] if total else [],
        "lists_rows": bool(job.parameters["phase"]),
    }
    return render(request, "jobs/repeats.html", context)
