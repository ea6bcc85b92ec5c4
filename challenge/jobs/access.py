"""Who may run jobs: superusers, and staff with the permission `jobs.run_jobs`. To others the pages do not exist."""

import functools
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404

from challenge.contests.access import Viewer
from challenge.core.http import SignedInRequest
from challenge.jobs.models import Job

View = Callable[..., HttpResponseBase]


def may_run_jobs(user: Viewer) -> bool:
    """Whether `user` may see and steer jobs."""
    return user.is_staff and user.has_perm("jobs.run_jobs")


def for_admins(view: View) -> View:
    """A page for those who may run jobs; 404 to others, and the login page to visitors."""

    @functools.wraps(view)
    def answer(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may_run_jobs(request.user):
            raise Http404
        return view(request, *args, **kwargs)

    return login_required(answer)


def get_job(job_id: UUID) -> Job:
    """The job; Http404 where there is none."""
    found: Job = get_object_or_404(Job.objects.select_related("created_by"), pk=job_id)
    return found
