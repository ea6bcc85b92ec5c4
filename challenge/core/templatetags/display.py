"""How numbers and times look, everywhere: one place for each rule."""

import datetime
import re
from collections.abc import Mapping
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from challenge.core import markdown as markdown_module

register = template.Library()

UNDEFINED = "–"

METRIC_NAMES = {
    "main": "Main score",
    "srocc": "SRoCC",
    "krocc": "KRoCC",
    "plcc": "PLCC",
    "rmse": "RMSE",
    "pearson": "Pearson",
    "plcc_logistic4": "PLCC (4 parameters)",
    "rmse_p1401": "RMSE (P.1401)",
    "rmse_star": "RMSE* (P.1401)",
    "outlier_ratio": "Outlier ratio",
    "auc_ds": "AUC, different or similar",
    "auc_bw": "AUC, better or worse",
    "cc_0": "Correct classification",
    "pair_accuracy": "Pairwise accuracy",
    "pair_accuracy_within": "Pairwise accuracy within groups",
    "pairs_different": "Pairs that differ",
    "pairs_similar": "Pairs that do not differ",
    "threshold_95": "Threshold at 95 %",
}


@register.filter
def score(value: float | str | None, decimals: int | None = None) -> SafeString:
    """A metric to four or so many decimals; a dash where it is undefined (a template passes "" for what is absent)."""
    # Safe: a number or a dash. A board has a thousand of them, and escaping each is a fifth of its rendering.
    return SafeString(UNDEFINED if value is None or value == "" else f"{value:.{4 if decimals is None else decimals}f}")


@register.filter
def change(value: float | None) -> str:
    """A difference of two main scores, at the decimals that ranks see, with its sign."""
    return UNDEFINED if value is None else f"{value:+.6f}" if round(value, 6) else "0"


@register.filter
def figure(value: float | None, decimals: int | None = None) -> str:
    """A criterion: a count in groups of three, anything else as a metric."""
    return thousands(value) if isinstance(value, int) else score(value, decimals)


@register.filter
def digits(value: float | str | None) -> str:
    """A number to five significant digits, text as it is; an en dash where there is nothing."""
    if value is None:
        return UNDEFINED
    return f"{value:.5g}" if isinstance(value, float) else str(value)


@register.filter
def is_number(value: object) -> bool:
    """Whether a cell is set flush right."""
    return value is None or isinstance(value, int | float)


@register.filter
def metric_name(metric: str) -> str:
    """How the metric is spelt for people."""
    return METRIC_NAMES.get(metric, metric)


@register.filter
def spelt(text: str) -> str:
    """A formula or a reason with the metrics spelt for people: `(SRoCC + PLCC) / 2`."""
    return re.sub(r"[a-z][a-z0-9_]*", lambda word: metric_name(word.group()), text)


@register.filter
def without_line(message: str) -> str:
    """A problem's message without its «line 4: », for tables that have a column of lines."""
    return re.sub(r"^lines? \d+: ", "", message)


@register.filter
def pairs(mapping: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
    """The items of a mapping whose keys come from a file: unlike `mapping.items`, also right where one is "items"."""
    return list(mapping.items()) if mapping else []


@register.filter
def thousands(value: int) -> str:
    """A count in groups of three: `4,000`."""
    return f"{value:,}"


@register.filter
def moment(value: datetime.datetime | None) -> SafeString | str:
    """A `<time>` in UTC; `site.js` adds the viewer's own zone beside it."""
    if value is None:
        return UNDEFINED
    utc = value.astimezone(datetime.UTC)
    return format_html('<time datetime="{}">{} UTC</time>', utc.isoformat(), utc.strftime("%Y-%m-%d %H:%M"))


@register.filter
def exact(value: datetime.datetime | None) -> SafeString | str:
    """As `moment`, to the second: what a receipt and a history need."""
    if value is None:
        return UNDEFINED
    utc = value.astimezone(datetime.UTC)
    return format_html('<time datetime="{}">{} UTC</time>', utc.isoformat(), utc.strftime("%Y-%m-%d %H:%M:%S"))


@register.filter
def told(value: Any) -> SafeString | str:
    """A value of a model's field, which has one: a moment, yes or no, else its text."""
    if isinstance(value, datetime.datetime):
        return moment(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


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
