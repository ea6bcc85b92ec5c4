"""Sending a private file to somebody who may have it (the caller has checked that)."""

from urllib.parse import quote

import structlog
from django.conf import settings
from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

log = structlog.get_logger(__name__)


def send_file(file: FieldFile, name: str) -> HttpResponseBase:
    """`file` as an attachment called `name`: by nginx where X_ACCEL_PREFIX is set, otherwise by this process."""
    if not settings.X_ACCEL_PREFIX:
        try:
            return FileResponse(file.open("rb"), as_attachment=True, filename=name)
        except FileNotFoundError as error:
            log.exception("a stored file is missing", file=file.name)
            raise Http404 from error
    response = HttpResponse(content_type="application/octet-stream")
    response["X-Accel-Redirect"] = settings.X_ACCEL_PREFIX + quote(str(file.name))
    disposition = content_disposition_header(as_attachment=True, filename=name)
    response["Content-Disposition"] = str(disposition)
    return response
