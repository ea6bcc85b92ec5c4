"""The form of a baselines job: whoever starts one runs the challenge."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from challenge.contests.access import organised_challenges
from challenge.core.http import SignedInRequest
from challenge.jobs.access import for_admins
from challenge.jobs.baselines.form import BaselinesForm
from challenge.jobs.baselines.kind import Baselines
from challenge.jobs.views import answer_form


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def new_baselines(request: SignedInRequest) -> HttpResponse:
    """Choose phase, images and metrics; a POST starts the job."""
    data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    return answer_form(request, Baselines(), BaselinesForm(data, files, challenges=organised_challenges(request.user)))
