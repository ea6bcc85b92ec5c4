"""Sending an image to a browser that may have it (the caller has checked that): inline, and once.

An address names one trial, whose image never changes: browsers keep it. With X_ACCEL_PREFIX nginx sends the bytes.
"""

from urllib.parse import quote

import structlog
from django.conf import settings
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase

from challenge.study.models import StudyImage

log = structlog.get_logger(__name__)

KEEP = "private, max-age=31536000, immutable"


def send_image(image: StudyImage) -> HttpResponseBase:
    """The picture. Raises Http404 where the file is missing."""
    if settings.X_ACCEL_PREFIX:
        response: HttpResponseBase = HttpResponse(content_type="image/png")
        response["X-Accel-Redirect"] = settings.X_ACCEL_PREFIX + quote(str(image.file.name))
    else:
        try:
            response = FileResponse(image.file.open("rb"), content_type="image/png")
        except FileNotFoundError as error:
            log.exception("an image of a study is missing", image=str(image.pk))
            raise Http404 from error
        del response["Content-Disposition"]  # it would tell the stored name
        response["Content-Length"] = str(image.size)
    response["Cache-Control"] = KEEP
    return response
