"""Images that a job has made, small and in full, to those who may see the job."""

from __future__ import annotations

import io
from pathlib import Path
from uuid import UUID

from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from challenge.core.http import SignedInRequest
from challenge.jobs.access import for_admins, get_job
from challenge.jobs.folders import folder_of

EDGE = 160  # pixels of a small one
# The address has the checksum: another image is another address.
FOR_EVER = "private, max-age=31536000, immutable"


@for_admins
@require_safe
def picture(request: SignedInRequest, job_id: UUID, item_id: int, size: str) -> HttpResponseBase:
    """The image of an item: `small` as a JPEG of at most EDGE pixels, `full` as it is."""
    path = _path(job_id, item_id)
    headers = {"Cache-Control": FOR_EVER}
    try:
        if size == "full":
            return FileResponse(path.open("rb"), content_type="image/png", headers=headers)
        return HttpResponse(_small(path), content_type="image/jpeg", headers=headers)
    except OSError as error:  # removed, or no image after all
        raise Http404 from error


def _path(job_id: UUID, item_id: int) -> Path:
    item = get_job(job_id).items.filter(pk=item_id).first()
    name = item.result.get("image") if item else None
    folder = folder_of(job_id).resolve()
    path = (folder / str(name)).resolve()
    if not name or not path.is_relative_to(folder):
        raise Http404
    return path


def _small(path: Path) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    with Image.open(path) as image:
        small = image.convert("RGB")
        small.thumbnail((EDGE, EDGE))
        small.save(out, "JPEG", quality=85)
    return out.getvalue()
