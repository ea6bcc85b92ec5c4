"""The bell in the header of every page."""

from typing import Any

from django import template

from challenge.accounts.models import User
from challenge.notices.services import unread

register = template.Library()


@register.inclusion_tag("notices/bell.html")
def bell(user: User) -> dict[str, Any]:
    """The way to the inbox, with the number of unread notifications. One query."""
    return {"unread": unread(user)}
