"""What a limit is: read from text when the settings are, so that a wrong one stops the start and not a request."""

import dataclasses
import re
from typing import Literal

from django.core.exceptions import ImproperlyConfigured

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclasses.dataclass(frozen=True)
class Rate:
    """At most `count` requests in each window of `seconds`, for each user or for each address."""

    count: int
    seconds: int
    per: Literal["user", "ip"]


def parse_rates(text: str) -> tuple[Rate, ...]:
    """Rates from `30/m/user, 120/10m/ip`; none, that is no limit, from "". Raises ImproperlyConfigured."""
    return tuple(_rate(part.strip()) for part in text.split(",") if part.strip())


def _rate(text: str) -> Rate:
    found = re.fullmatch(r"([1-9]\d{0,8})/([1-9]\d{0,3})?([smhd])/(user|ip)", text)
    if not found:
        raise ImproperlyConfigured(f"«{text}» is no rate. Write for example 30/m/user or 120/10m/ip.")
    count, number, unit, per = found.groups()
    return Rate(int(count), int(number or 1) * SECONDS[unit], "user" if per == "user" else "ip")
