"""Every refusal under /api/v1/ is a problem document, also one that no operation has made.

Django answers an unknown address with a page, a method that an address does not know with plain text, and a broken
request with one or the other. Programs get RFC 9457 instead, with the headers of the answer it replaces.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from challenge.api.errors import PROBLEM_TYPE, problem

PREFIX = "/api/v1/"
PROBLEMS = {
    400: ("malformed_request", "The request cannot be read. Send text in UTF-8 and a form or JSON as described."),
    404: ("not_found", f"There is no such address. {PREFIX}openapi.json lists those that there are."),
    405: ("method_not_allowed", "This address does not know this method; the header Allow names those it knows."),
    412: ("precondition_failed", "The file has changed, as the condition in the request's headers asks."),
    413: ("too_large", "The request is too large."),
    416: ("range_not_satisfiable", "The range begins behind the end of the file; Content-Range has its size."),
}
OTHERS = ("internal_error", "Something went wrong on our side. It has been logged.")


class ProblemMiddleware:
    """Turns refusals of other kinds into problem documents."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        response = self.get_response(request)
        is_other = response.status_code >= 400 and response.get("Content-Type") != PROBLEM_TYPE
        return _as_problem(response) if is_other and request.path_info.startswith(PREFIX) else response


def _as_problem(response: HttpResponse) -> HttpResponse:
    code, detail = PROBLEMS.get(response.status_code, OTHERS)
    answer = problem(response.status_code, code, detail)
    for name, value in response.items():
        if name not in ("Content-Type", "Content-Length"):
            answer[name] = value
    answer.cookies = response.cookies
    return answer
