"""What every template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """Site name and whether the embedded mode runs."""
    return {"SITE_NAME": settings.SITE_NAME, "EMBEDDED": settings.EMBEDDED}
