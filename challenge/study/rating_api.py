"""What the rating page asks for: the trials, the right to rate, and batches of answers. JSON, with CSRF token."""

import json
from typing import Any
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from challenge.study import rating
from challenge.study.access import session_of

MAX_BODY_BYTES = 200_000


class _BadRequest(Exception):
    """The body is not what this address takes."""


def _body(request: HttpRequest) -> tuple[dict[str, Any], UUID]:
    """The object sent, and the page that sent it."""
    try:
        given: dict[str, Any] = json.loads(request.body if len(request.body) <= MAX_BODY_BYTES else b"")
        return given, UUID(str(given["page"]))
    except (ValueError, TypeError, KeyError):
        raise _BadRequest from None


def _bad(text: str) -> JsonResponse:
    return JsonResponse({"error": text}, status=400)


@require_safe
@cache_control(private=True, no_store=True)
def state(request: HttpRequest, session_id: UUID) -> JsonResponse:
    """Every trial in order, with the answer that counts."""
    session = session_of(request, session_id)
    active = rating.active_ms(session)
    return JsonResponse({"trials": rating.state_of(session), "state": session.state, "active_ms": active})


@require_POST
def hold(request: HttpRequest, session_id: UUID) -> JsonResponse:
    """Ask to be the page that rates; 409 while another device is."""
    session = session_of(request, session_id)
    try:
        given, page = _body(request)
    except _BadRequest:
        return _bad("send {page, device, take_over, environment}")
    takes_over = given.get("take_over") is True
    device, environment = str(given.get("device", "")), given.get("environment")
    held = rating.hold(session, page, device, takes_over=takes_over, environment=environment)
    return JsonResponse({"holds": held}, status=200 if held else 409)


@require_POST
def answers(request: HttpRequest, session_id: UUID) -> JsonResponse:
    """Store a batch: {page, answers: [...]}. An empty one tells that the page is alive."""
    session = session_of(request, session_id)
    try:
        given, page = _body(request)
        sent = given["answers"]
        if not isinstance(sent, list) or len(sent) > rating.MOST_ANSWERS:
            raise _BadRequest
    except (_BadRequest, KeyError):
        return _bad(f"send {{page, answers}}, at most {rating.MOST_ANSWERS} at once")
    if not sent:
        return JsonResponse({"stored": [], "refused": {}, "holds": rating.seen(session, page), "state": session.state})
    good, refused = [], {}
    for one in sent:
        try:
            good.append(rating.read_answer(one, session.subject.study))
        except rating.InvalidAnswer as error:
            refused[str(one.get("id")) if isinstance(one, dict) else ""] = str(error)
    taken = rating.take_answers(session, page, good)
    if taken is None:
        return JsonResponse({"error": "this page has never held the session"}, status=409)
    refused |= {str(pk): why for pk, why in taken.refused.items()}
    return JsonResponse(
        {
            "stored": [str(pk) for pk in taken.stored],
            "refused": refused,
            "holds": taken.holds,
            "state": taken.state,
        }
    )


@require_POST
def finish(request: HttpRequest, session_id: UUID) -> JsonResponse:
    """End the session; 409 while an image has no answer."""
    done = rating.finish(session_of(request, session_id))
    return JsonResponse({"done": done}, status=200 if done else 409)
