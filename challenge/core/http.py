"""Types of requests that our middleware and decorators have made more precise than Django's."""

import datetime

from django.http import HttpRequest

from challenge.accounts.models import User


class SignedInRequest(HttpRequest):
    """A request behind `login_required`: `user` is an account; `began_at` is when it reached us."""

    user: User
    began_at: datetime.datetime
