"""How allauth behaves here."""

from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as request_context
from allauth.core import ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import render

log = structlog.get_logger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Sign-up can be closed with SIGNUP_OPEN=false. A mail that cannot be sent is told, not an error page."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether a new account may be made."""
        return bool(settings.SIGNUP_OPEN)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a message that holds a link to an account, in the request: such links are not kept in the outbox.

        Where the mail server does not take it, the request ends with a page that says so (503) and how to have it sent
        again. That attempt does not count for the limit on confirmation mails: else the next one would be skipped, and
        a page would say that it was sent.
        """
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as error:  # smtplib's exceptions are of this kind, too
            request: HttpRequest = request_context.request
            log.exception("mail not sent", template=template_prefix)
            ratelimit.clear(request, action="confirm_email", key=email.lower())
            page = render(request, "account/mail_not_sent.html", status=503)
            raise ImmediateHttpResponse(page) from error
