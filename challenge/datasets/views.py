"""The data page, downloads, starter kits and the organisers' log of downloads."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from challenge.contests.access import Viewer, application_of, is_organiser, visible_challenges, visible_phases
from challenge.contests.models import Phase
from challenge.core.downloads import StoredFile, byte_range, send_file
from challenge.core.export import csv_response
from challenge.datasets.access import DataAccess, downloadable_file, listed_files
from challenge.datasets.download_log import COLUMNS, download_counts, download_rows, record_download
from challenge.datasets.models import Download
from challenge.datasets.services import current_answer_key
from challenge.datasets.starter_kit import starter_kit


@require_safe
def data_page(request: HttpRequest, challenge: str) -> HttpResponse:
    """Every file and starter kit of the challenge, those the viewer may not have yet with the reason."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    access = DataAccess.of(request.user, shown)
    counts = download_counts(shown) if access.is_organiser else {}
    files = [
        {
            "file": file,
            "newest": file.newest,
            "older": file.versions.all()[1:],
            "refusal": access.refusal(file),
            "downloads": counts.get(file.pk, 0),
        }
        for file in listed_files(shown)
    ]
    kits = [
        {"phase": phase, "refusal": access.kit_refusal(phase)}
        for phase in shown.phases.select_related("challenge")
        if current_answer_key(phase)
    ]
    context = {
        "challenge": shown,
        "files": files,
        "kits": kits,
        "is_organiser": access.is_organiser,
        "application": application_of(request.user, shown),
    }
    return render(request, "datasets/data.html", context)


@require_safe
def download(request: HttpRequest, file_id: UUID, number: int | None = None) -> HttpResponseBase:
    """One version of a file, the newest unless `number` says which, to those who may have it; 404 to everybody else."""
    return send_version(request, request.user, file_id, number, Download.Via.PAGE)


def send_version(
    request: HttpRequest, user: Viewer, file_id: UUID, number: int | None, via: Download.Via
) -> HttpResponseBase:
    """What pages and API answer to a download, which is noted in the log. Raises Http404."""
    file = downloadable_file(user, file_id)
    versions = [] if file is None else [v for v in file.versions.all() if number in (None, v.number)]
    if file is None or not versions:
        raise Http404
    version = versions[0]
    stored = StoredFile(
        storage=version.file.storage,
        path=str(version.file.name),
        name=file.file_name,
        size=version.size,
        etag=version.sha256,
        modified=version.created_at,
    )
    response = send_file(request, stored)
    response["X-Checksum-SHA256"] = version.sha256
    if request.method == "GET" and response.status_code in (200, 206):
        part = byte_range(request, stored)
        first_byte = part.start if part else 0
        record_download(version=version, user=user, via=via, first_byte=first_byte, at=timezone.now())
    return response


@require_safe
def starter_kit_zip(request: HttpRequest, challenge: str, phase: str) -> HttpResponseBase:
    """The starter kit, to those who may have it; 404 to everybody else."""
    shown = get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)
    return send_starter_kit(request, request.user, shown)


def send_starter_kit(request: HttpRequest, user: Viewer, phase: Phase) -> HttpResponseBase:
    """What pages and API answer. Raises Http404 to those who may not have the kit, and while there is none."""
    if DataAccess.of(user, phase.challenge).kit_refusal(phase):
        raise Http404
    kit = starter_kit(phase, f"{request.scheme}://{request.get_host()}")
    if kit is None:
        raise Http404
    return send_file(request, kit)


@require_safe
def downloads_csv(request: HttpRequest, challenge: str) -> HttpResponse:
    """The log of downloads, to organisers."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    if not is_organiser(request.user, shown):
        raise Http404
    return csv_response(f"{shown.slug}-downloads.csv", COLUMNS, download_rows(shown))
