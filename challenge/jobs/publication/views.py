"""The page that publishes the release of a finished database job."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from challenge.contests.access import organised_challenges
from challenge.core.http import SignedInRequest
from challenge.datasets.releases import InvalidRelease, read_release
from challenge.jobs import services
from challenge.jobs.access import for_admins, get_job
from challenge.jobs.database.steps import RELEASE
from challenge.jobs.folders import folder_of
from challenge.jobs.kinds import kind_of
from challenge.jobs.publication.form import PublicationForm
from challenge.jobs.publication.kind import Publication
from challenge.jobs.states import JobState


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def publish(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """Ask where to and for whom; a POST starts a job that adds the files."""
    job = get_job(job_id)
    kind = kind_of(Publication.name)
    if job.kind != "database" or job.state != JobState.DONE or kind is None:
        raise Http404
    problem, release = "", None
    try:
        release = read_release(folder_of(job.pk) / RELEASE)
    except InvalidRelease as error:
        problem = str(error)
    form = PublicationForm(
        request.POST if request.method == "POST" else None,
        job=job.pk,
        challenges=organised_challenges(request.user).order_by("title"),
        initial={"hidden": bool(release and len(release.hidden) == 3)},  # nothing is rated yet: nothing to hide
    )
    if form.is_bound and not problem and form.is_valid():
        title = f"{job.title} on the data page of {form.cleaned_data['challenge']}"
        return redirect(services.create(kind=kind, title=title, cleaned=form.cleaned_data, actor=request.user))
    context = {"job": job, "form": form, "problem": problem, "release": release}
    return render(request, "jobs/publish.html", context, status=422 if form.errors or problem else 200)
