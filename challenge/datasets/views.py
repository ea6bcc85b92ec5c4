"""The data page and downloads."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from challenge.contests.access import application_of, is_organiser, registration_of, visible_challenges
from challenge.core.downloads import send_file
from challenge.datasets.access import downloadable_files
from challenge.datasets.models import DataFile


@require_safe
def data_page(request: HttpRequest, challenge: str) -> HttpResponse:
    """Every file of the challenge, those the viewer may not have yet with the reason."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    allowed = set(downloadable_files(request.user).filter(challenge=shown).values_list("pk", flat=True))
    context = {
        "challenge": shown,
        "files": [{"file": file, "allowed": file.pk in allowed} for file in shown.data_files.all()],
        "registration": registration_of(request.user, shown),
        "application": application_of(request.user, shown),
        "is_organiser": is_organiser(request.user, shown),
        "now": timezone.now(),
    }
    return render(request, "datasets/data.html", context)


@require_safe
def download(request: HttpRequest, file_id: str) -> HttpResponseBase:
    """One file, to those who may have it; 404 to everybody else."""
    file: DataFile = get_object_or_404(downloadable_files(request.user), pk=file_id)
    response = send_file(file.file, file.file_name)
    response["X-Checksum-SHA256"] = file.sha256
    return response
