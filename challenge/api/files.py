"""Data files and starter kits in the API: the same gates, parts of files and log as on the data page."""

from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from ninja import NinjaAPI

from challenge.api.schemas import DataFileOut, DataFileVersionOut, Problem
from challenge.contests.access import Viewer, visible_challenges, visible_phases
from challenge.datasets.access import DataAccess, listed_files
from challenge.datasets.models import DataFile, Download
from challenge.datasets.views import send_starter_kit, send_version


def install(api: NinjaAPI, auth: object) -> None:
    """Add the operations to `api`. `auth` gives each request's viewer, with a token or without."""
    refusals: dict[int, object] = {401: Problem, 404: Problem, 422: Problem}
    content: dict[str, object] = {
        "responses": {
            200: {"description": "The file", "content": {"application/octet-stream": {}}},
            206: {"description": "The part that a Range header asks for", "content": {"application/octet-stream": {}}},
            304: {"description": "As the If-None-Match or If-Modified-Since header says"},
            416: {"description": "The range begins behind the end of the file"},
        }
    }

    @api.get("/challenges/{slug:slug}/files", response={200: list[DataFileOut], **refusals}, auth=[auth], tags=["data"])
    def list_files(request: HttpRequest, slug: str) -> list[DataFileOut]:
        """The data files of a challenge with all their versions and checksums."""
        viewer: Viewer = request.auth  # type: ignore[attr-defined]
        challenge = get_object_or_404(visible_challenges(viewer), slug=slug)
        access = DataAccess.of(viewer, challenge)
        return [_file(access, file) for file in listed_files(challenge)]

    @api.get(
        "/files/{file_id}/versions/{number}",
        response=refusals,
        auth=[auth],
        tags=["data"],
        openapi_extra=content,
    )
    def download_file(request: HttpRequest, file_id: UUID, number: int) -> HttpResponseBase:
        """One version of a data file. One Range per request; If-Range with its ETag, the SHA-256."""
        return send_version(request, request.auth, file_id, number, Download.Via.API)  # type: ignore[attr-defined]

    @api.get("/phases/{phase_id}/starter-kit", response=refusals, auth=[auth], tags=["data"], openapi_extra=content)
    def starter_kit(request: HttpRequest, phase_id: UUID) -> HttpResponseBase:
        """The starter kit of a phase, a zip."""
        viewer: Viewer = request.auth  # type: ignore[attr-defined]
        return send_starter_kit(request, viewer, get_object_or_404(visible_phases(viewer), pk=phase_id))


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
