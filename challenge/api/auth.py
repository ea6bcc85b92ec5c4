"""Who asks: personal tokens with scopes, readers without one, and how often each may ask.

Tokens come in `Authorization: Bearer` only. No cookie is read, so there is no CSRF.
"""

import datetime
import threading

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from ninja.errors import AuthenticationError
from ninja.security import HttpBearer
from ninja.throttling import BaseThrottle

from challenge.accounts.models import ApiToken, User
from challenge.accounts.services import authenticate_token
from challenge.contests.access import Viewer
from challenge.core.limits import seconds_to_wait

Scope = ApiToken.Scope


class Caller(HttpRequest):
    """A request with a token: `auth` is its user; `began_at` is when the request reached us."""

    auth: User
    token: ApiToken
    began_at: datetime.datetime


class Reader(HttpRequest):
    """A request that needs no token: `auth` is the token's user, or anonymous."""

    auth: Viewer


class ScopeMissingError(AuthenticationError):
    """The token is live, but not for this; the text says which scope it lacks."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(
            message=f"This token has not the scope «{scope}». Make one that has, on the page «API tokens»."
        )


class TokenAuth(HttpBearer):
    """A live token that has the scope; for None any live token."""

    def __init__(self, scope: Scope | None) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        """The token's user, or None (401). Raises ScopeMissingError (401)."""
        found = authenticate_token(token)
        if found is None:
            return None
        if self.scope is not None and self.scope not in found.scopes:
            raise ScopeMissingError(self.scope)
        request.token = found  # type: ignore[attr-defined]
        return found.user


any_token = TokenAuth(None)
read = TokenAuth(Scope.READ)
submit = TokenAuth(Scope.SUBMIT)
organise = TokenAuth(Scope.ORGANISE)


def optional_reader(request: HttpRequest) -> Viewer:
    """The token's user, or an anonymous one without a token. A wrong token is refused, not ignored."""
    header = request.headers.get("Authorization", "")
    if not header:
        return AnonymousUser()
    user = read.authenticate(request, header.removeprefix("Bearer ").strip())
    if user is None:
        raise AuthenticationError
    return user


class Limit(BaseThrottle):
    """A limit of settings.RATE_LIMITS, for each token's user and each address. Counted once the token has been read."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.found = threading.local()  # one instance answers for all threads

    def allow_request(self, request: HttpRequest) -> bool:
        """Count the request; whether it may go on."""
        self.found.wait = seconds_to_wait(self.action, request, getattr(request, "auth", None))
        return not self.found.wait

    def wait(self) -> float:
        """Seconds until the request that was just refused may be tried again."""
        return float(self.found.wait)


api_limit, upload_limit = Limit("api"), Limit("upload")
