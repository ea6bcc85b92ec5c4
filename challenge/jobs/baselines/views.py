"""The form of a baselines job: whoever starts one runs the challenge."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from challenge.contests.access import organised_challenges
from challenge.core.http import SignedInRequest
from challenge.jobs import services
from challenge.jobs.access import for_admins
from challenge.jobs.baselines.form import BaselinesForm
from challenge.jobs.baselines.kind import Baselines
from challenge.jobs.forms import TitleForm
from challenge.jobs.kinds import InvalidParameters


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def new_baselines(request: SignedInRequest) -> HttpResponse:
    """Choose phase, images and metrics; a POST starts the job."""
    kind = Baselines()
    data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    title = TitleForm(data)
    form = BaselinesForm(data, files, challenges=organised_challenges(request.user))
    if data is not None and title.is_valid() and form.is_valid():
        try:
            job = services.create(
                kind=kind, title=title.cleaned_data["title"], cleaned=form.cleaned_data, actor=request.user
            )
        except InvalidParameters as error:
            for problem in error.problems:
                form.add_error(None, problem)
        else:
            return redirect(job)
    context = {"kind": kind, "title_form": title, "form": form}
    return render(request, "jobs/new.html", context, status=422 if title.errors or form.errors else 200)
