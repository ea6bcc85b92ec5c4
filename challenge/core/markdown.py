"""Markdown of organisers to safe HTML: no raw HTML goes in, and what comes out is sanitised again."""

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])


def render(text: str) -> SafeString:
    """HTML of `text`; links may be http, https or mailto and carry rel="noopener noreferrer nofollow"."""
    html = nh3.clean(
        _parser.render(text), url_schemes={"http", "https", "mailto"}, link_rel="noopener noreferrer nofollow"
    )
    return mark_safe(html)  # noqa: S308  nh3 has just sanitised it
