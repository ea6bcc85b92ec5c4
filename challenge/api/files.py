"""Data files and starter kits in the API: the same gates, parts of files and log as on the data page."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from ninja import Query, Router

from challenge.api.auth import Reader, optional_reader
from challenge.api.errors import refusals
from challenge.api.pages import Page, part_of
from challenge.api.schemas import DataFileOut, DataFileVersionOut
from challenge.contests.access import visible_challenges, visible_phases
from challenge.datasets.access import DataAccess, listed_files
from challenge.datasets.models import DataFile, Download
from challenge.datasets.views import send_starter_kit, send_version

router = Router(tags=["data"], auth=[optional_reader])
CONTENT: dict[str, Any] = {
    "responses": {
        200: {"description": "The file", "content": {"application/octet-stream": {}}},
        206: {"description": "The part that a Range header asks for", "content": {"application/octet-stream": {}}},
        304: {"description": "As the If-None-Match or If-Modified-Since header says"},
    }
}


@router.get("/challenges/{slug:slug}/files", response={200: list[DataFileOut], **refusals(404)})
def list_files(request: Reader, response: HttpResponse, slug: str, page: Query[Page]) -> list[DataFileOut]:
    """The data files of a challenge with all their versions and checksums."""
    challenge = get_object_or_404(visible_challenges(request.auth), slug=slug)
    access = DataAccess.of(request.auth, challenge)
    return [_file(access, file) for file in part_of(listed_files(challenge), page, request, response)]


@router.get("/files/{file_id}/versions/{number}", response=refusals(404, 412, 416), openapi_extra=CONTENT)
def download_file(request: Reader, file_id: UUID, number: int) -> HttpResponseBase:
    """One version of a data file. One Range per request; If-Range with its ETag, the SHA-256."""
    return send_version(request, request.auth, file_id, number, Download.Via.API)


@router.get("/phases/{phase_id}/starter-kit", response=refusals(404, 412, 416), openapi_extra=CONTENT)
def starter_kit(request: Reader, phase_id: UUID) -> HttpResponseBase:
    """The starter kit of a phase, a zip."""
    phase = get_object_or_404(visible_phases(request.auth), pk=phase_id)
    return send_starter_kit(request, request.auth, phase)


def _file(access: DataAccess, file: DataFile) -> DataFileOut:
    refusal = access.refusal(file)
    versions = [
        DataFileVersionOut(
            number=version.number,
            size=version.size,
            sha256=version.sha256,
            note=version.note,
            created_at=version.created_at,
            url=None if refusal else reverse("api:download_file", args=[file.pk, version.number]),
        )
        for version in file.versions.all()
    ]
    return DataFileOut(
        id=file.pk,
        title=file.title,
        description=file.description,
        file_name=file.file_name,
        path=file.path_in_release,
        licence=file.licence,
        audience=file.audience,
        phase=file.phase.slug if file.phase else None,
        opens_at=file.opens_at,
        refusal=refusal.value if refusal else None,
        url=versions[0].url,
        versions=versions,
    )
