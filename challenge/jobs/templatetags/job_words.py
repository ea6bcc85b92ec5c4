"""How jobs are told: speeds, and parameters of every kind."""

from typing import Any

from django import template

register = template.Library()


@register.filter
def pace(per_second: float | None, unit: str) -> str:
    """`3.4 images/s`, or `2.1 images/min` where it is slow; an en dash while it cannot be told."""
    if per_second is None:
        return "–"
    return f"{per_second:.3g} {unit}/s" if per_second >= 0.2 else f"{per_second * 60:.3g} {unit}/min"


@register.filter
def in_words(value: Any) -> str:
    """A parameter for people: lists with commas, yes and no, a dash for nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(in_words(one) for one in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{key} {in_words(one)}" for key, one in value.items()) or "–"
    return "–" if value in (None, "") else str(value)
