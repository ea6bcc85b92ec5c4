"""How numbers and times look, everywhere: one place for each rule."""

import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from challenge.core import markdown as markdown_module

register = template.Library()

UNDEFINED = "–"


@register.filter
def score(value: float | None) -> str:
    """A metric to four decimals; an en dash where it is undefined."""
    return UNDEFINED if value is None else f"{value:.4f}"


@register.filter
def moment(value: datetime.datetime | None) -> SafeString | str:
    """A `<time>` in UTC; `site.js` adds the viewer's own zone beside it."""
    if value is None:
        return UNDEFINED
    utc = value.astimezone(datetime.UTC)
    return format_html('<time datetime="{}">{} UTC</time>', utc.isoformat(), utc.strftime("%Y-%m-%d %H:%M"))


@register.filter
def countdown(value: datetime.datetime | None) -> SafeString | str:
    """The time left until `value` as `<span>`, kept running by `site.js`; «now» once it has passed."""
    if value is None:
        return UNDEFINED
    left = value - timezone.now()
    return format_html(
        '<span class="countdown" data-until="{}">{}</span>',
        value.astimezone(datetime.UTC).isoformat(),
        duration(left),
    )


@register.filter
def duration(value: datetime.timedelta) -> str:
    """`2 d 3 h`, `3 h 12 min`, `4 min 10 s`; «now» when nothing is left."""
    seconds = int(value.total_seconds())
    if seconds <= 0:
        return "now"
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, seconds = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s"


@register.filter
def markdown(text: str) -> SafeString:
    """Sanitised HTML of an organiser's Markdown."""
    return markdown_module.render(text)
