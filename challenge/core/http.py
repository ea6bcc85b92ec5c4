"""Requests: types that our middleware has made more precise than Django's, and the cache for visitors."""

import datetime
import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_page

from challenge.accounts.models import User


class SignedInRequest(HttpRequest):
    """A request behind `login_required`: `user` is an account; `began_at` is when it reached us."""

    user: User
    began_at: datetime.datetime


def cached_for_visitors(seconds: int) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Answer visitors from this process's cache for `seconds`: requests without any cookie and any query.

    For public pages that many watch at once: what visitors see is that much old at most. A cookie may carry a session
    or a message for one person; queries would let anybody fill the cache.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        cached = cache_page(seconds, cache="local")(view)

        @functools.wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            is_visitor = not request.COOKIES and not request.META.get("QUERY_STRING")
            response: HttpResponse = (cached if is_visitor else view)(request, *args, **kwargs)
            return response

        return answer

    return decorate
