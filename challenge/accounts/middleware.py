"""How a form of ours may lead to another site: by a page, not by a redirect."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

Handler = Callable[[HttpRequest], HttpResponse]


class SignInElsewhereMiddleware:
    """Answers a form that redirects to a login provider with a page that goes there by itself.

    Our Content-Security-Policy lets forms end at this site only, and browsers apply that to redirects too. Naming the
    providers in the policy would not do: where an OpenID Connect server sends people is known only at run time.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        response = self.get_response(request)
        if not (
            settings.LOGIN_PROVIDER_APPS and request.method == "POST" and isinstance(response, HttpResponseRedirect)
        ):
            return response
        target = urlsplit(response.url)
        if target.scheme != "https" or target.netloc == request.get_host():
            return response
        page = render(
            request, "socialaccount/login_redirect.html", {"redirect_to": response.url, "host": target.netloc}
        )
        page.cookies = response.cookies
        add_never_cache_headers(page)
        return page
