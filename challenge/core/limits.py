"""How often somebody may ask for something: fixed windows, counted in the shared cache.

Limits protect the server from floods; they are no rule of a challenge (quotas are, and live in the database). So they
fail open: while the cache cannot be reached nothing is counted and nobody is kept out.
"""

import functools
import ipaddress
import time
from collections.abc import Callable
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from challenge.core.rates import Rate

IPV6_NETWORK_BITS = 64  # what one customer of a provider usually has


def seconds_to_wait(action: str, request: HttpRequest, user: Any = None) -> int:
    """Count one `action` (a key of settings.RATE_LIMITS); 0 if it may go on, else seconds until it may be tried again.

    `user` is who asks, if it is known; limits per user are for those only. Every rate is counted, also after one that
    is used up: whoever goes on asking in vain does not get further.
    """
    now = time.time()
    return max((_count(action, rate, request, user, now) for rate in settings.RATE_LIMITS[action]), default=0)


def _count(action: str, rate: Rate, request: HttpRequest, user: Any, now: float) -> int:
    if rate.per == "user" and (user is None or not user.is_authenticated):
        return 0
    try:
        who = f"u{user.pk}" if rate.per == "user" else address_of(request)
    except PermissionDenied:  # no address is known, behind a socket without a proxy's header
        return 0
    window = int(now // rate.seconds)
    key = f"limit:{action}:{rate.count}/{rate.seconds}:{who}:{window}"
    cache.add(key, 0, timeout=rate.seconds)
    try:
        used = cache.incr(key)
    except ValueError:  # gone since the line above: a new window, a full cache
        return 0
    return int((window + 1) * rate.seconds - now) + 1 if used > rate.count else 0


def address_of(request: HttpRequest) -> str:
    """The visitor's address as the trusted proxies tell it (`TRUSTED_PROXY_COUNT`); of IPv6 the /64 network."""
    text: str = get_adapter(request).get_client_ip(request)
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network(f"{text}/{IPV6_NETWORK_BITS}", strict=False))
    return text


View = Callable[..., HttpResponseBase]


def limited(action: str) -> Callable[[View], View]:
    """A page whose POST counts as one `action`: answers 429 with Retry-After when that was asked too often."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method == "POST" and (wait := seconds_to_wait(action, request, request.user)):
                return too_many(request, wait)
            return view(request, *args, **kwargs)

        return answer

    return decorate


def too_many(request: HttpRequest, seconds: int) -> HttpResponse:
    """The 429 page."""
    response = render(request, "429.html", {"seconds": seconds}, status=429)
    response["Retry-After"] = str(seconds)
    return response
