"""What every template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """Site name, whether the embedded mode runs, whether one can sign in with an account elsewhere."""
    return {
        "SITE_NAME": settings.SITE_NAME,
        "EMBEDDED": settings.EMBEDDED,
        "LOGIN_ELSEWHERE": bool(settings.LOGIN_PROVIDER_APPS),
    }
