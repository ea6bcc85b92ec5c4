"""Per-request context and headers.

RequestContextMiddleware comes first: `request.began_at` is the moment the request began, before its body was read,
which is what decides whether an upload was in time (invariant 8).
"""

import datetime
import re
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils import timezone

# What nginx writes for $request_time, and nothing else that float() would take.
SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")

Handler = Callable[[HttpRequest], HttpResponse]


class RequestContextMiddleware:
    """Stamps `request.began_at`, binds a request id to every log line and returns it in `X-Request-ID`."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        request.began_at = timezone.now() - _took(request)  # type: ignore[attr-defined]
        request_id = uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


def _took(request: HttpRequest) -> datetime.timedelta:
    """How long the request took to get here: what nginx says, which calls us when the body is complete.

    At most MAX_UPLOAD_SECONDS. Nothing where no proxy is trusted with it: then a request gets here when it begins.
    """
    said = request.headers.get("X-Request-Time", "")
    if not settings.TRUST_REQUEST_TIME_HEADER or not SECONDS.fullmatch(said):
        return datetime.timedelta()
    return datetime.timedelta(seconds=min(float(said), settings.MAX_UPLOAD_SECONDS))


class Utf8OnlyMiddleware:
    """Answers 400 to a form that claims another encoding than UTF-8: Django would decode it with any codec named."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.lower() not in ("utf-8", "utf8", "us-ascii"):
            return HttpResponseBadRequest("Send text in UTF-8.", content_type="text/plain; charset=utf-8")
        return self.get_response(request)


class ContentSecurityPolicyMiddleware:
    """Sends settings.CONTENT_SECURITY_POLICY; Django 6 brings the same header, then this class goes."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self.policy = "; ".join(f"{name} {value}" for name, value in settings.CONTENT_SECURITY_POLICY.items())

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", self.policy)
        return response
