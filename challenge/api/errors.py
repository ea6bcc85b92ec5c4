"""Errors of the API's operations: application/problem+json (RFC 9457), never a hidden value.

What Django refuses before an operation is known becomes a problem document in `middleware`.
"""

from typing import Any

import structlog
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError

from challenge.announcements.services import NotAnnounced
from challenge.api.auth import ScopeMissingError
from challenge.api.schemas import Problem
from challenge.contests.deadlines import ChangeRefused
from challenge.contests.registrations import NotPossible
from challenge.questions.services import QuestionRefused
from challenge.reports.services import SheetRefused
from challenge.submissions.intake import SubmissionRefused

log = structlog.get_logger(__name__)

PROBLEM_TYPE = "application/problem+json"
STATUS_OF_REFUSAL = {
    "not_registered": 403,
    "not_accepted": 403,
    "terms_changed": 403,
    "team_changed": 409,
    "phase_not_open": 409,
    "phase_closed": 409,
    "gate_closed": 403,
    "no_answer_key": 409,
    "quota_spent": 429,
    "file_too_large": 413,
    "invalid_file": 422,
    "invalid_method": 422,
    "invalid_idempotency_key": 422,
    "idempotency_key_reused": 409,
    "disk_full": 507,
    "sheets_closed": 409,
    "no_scored_submission": 409,
    "stale_sheet": 409,
    "incomplete_sheet": 409,
}
TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Not now",
    412: "Precondition failed",
    413: "Too large",
    416: "Range not satisfiable",
    422: "Invalid input",
    429: "Quota spent",
    507: "No room",
}


def refusals(*statuses: int) -> dict[int, Any]:
    """What an operation declares beside its success: these, and what any operation may answer."""
    return dict.fromkeys(sorted({400, 401, 422, 429, *statuses}), Problem)


def problem(status: int, code: str, detail: str, **extra: Any) -> HttpResponse:
    """One problem document; `extra` goes into it, also over what stands there already."""
    body = {"type": f"about:blank#{code}", "title": TITLES.get(status, "Error"), "status": status, "code": code}
    return JsonResponse({**body, "detail": detail, **extra}, status=status, content_type=PROBLEM_TYPE)


def malformed(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    """What Django's own handlers answer with 400: a body that cannot be read."""
    return problem(400, "malformed_request", "The body of the request cannot be read as multipart form data.")


def not_possible(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    """What an organiser asked for cannot be done."""
    return problem(409, "not_possible", str(error))


def question_refused(request: HttpRequest, error: Any) -> HttpResponse:
    """Somebody asks who takes no part, or nothing that can be read."""
    if error.field is None:
        return problem(403, "not_registered", str(error))
    return problem(422, "invalid_input", str(error), field=error.field)


def install(api: NinjaAPI) -> None:
    """Register the handlers."""

    @api.exception_handler(SubmissionRefused)
    @api.exception_handler(SheetRefused)
    def refused(request: HttpRequest, error: SubmissionRefused | SheetRefused) -> HttpResponse:
        report = error.report if isinstance(error, SubmissionRefused) else None
        extra = {"report": report.to_dict()} if report else {}
        return problem(STATUS_OF_REFUSAL[error.code], error.code, str(error), **extra)

    @api.exception_handler(AuthenticationError)
    def not_authenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        lacking = str(error) if isinstance(error, ScopeMissingError) else ""
        response = problem(401, "not_authenticated", lacking or "Send a valid token: «Authorization: Bearer iqa_…».")
        response["WWW-Authenticate"] = "Bearer"
        return response

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        errors = [{"where": ".".join(map(str, item["loc"])), "message": item["msg"]} for item in error.errors]
        return problem(422, "invalid_input", "Some parameters are missing or wrong.", errors=errors)

    @api.exception_handler(Throttled)
    def too_many(request: HttpRequest, error: Throttled) -> HttpResponse:
        detail = f"Too many requests. Try again in {error.wait:.0f} s."
        return problem(429, "rate_limited", detail, title="Too many requests")

    @api.exception_handler(HttpError)
    def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
        code = "malformed_request" if error.status_code == 400 else "error"
        return problem(error.status_code, code, str(error))

    @api.exception_handler(ChangeRefused)
    def change_refused(request: HttpRequest, error: ChangeRefused) -> HttpResponse:
        return problem(409, "change_refused", str(error), field=error.field)

    @api.exception_handler(Http404)
    def not_found(request: HttpRequest, error: Http404) -> HttpResponse:
        return problem(404, "not_found", "There is no such thing, or you may not see it.")

    @api.exception_handler(RequestDataTooBig)
    def too_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
        return problem(413, "too_large", "The fields beside the file are too large.")

    api.add_exception_handler(QuestionRefused, question_refused)
    api.add_exception_handler(NotPossible, not_possible)
    api.add_exception_handler(NotAnnounced, not_possible)
    for kind in (MultiPartParserError, BadRequest, SuspiciousOperation, UnreadablePostError):
        api.add_exception_handler(kind, malformed)

    @api.exception_handler(Exception)
    def unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
        log.error("unexpected error in the API", path=request.path, exc_info=error)
        return problem(500, "internal_error", "Something went wrong on our side. It has been logged.")
