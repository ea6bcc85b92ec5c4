"""How allauth behaves here."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Sign-up can be closed with SIGNUP_OPEN=false."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether a new account may be made."""
        return bool(settings.SIGNUP_OPEN)
