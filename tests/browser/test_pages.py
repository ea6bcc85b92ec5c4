"""Every page, in both schemes and at both widths: no console error, no CSP violation, no axe violation, no overflow."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import OpenViewer
from tests.browser.pages import every_page
from tests.browser.rich import fill
from tests.factories import World

WIDTH_OF_CONTENT = "document.documentElement.scrollWidth"
LOOKS = [("light", 1280), ("dark", 390), ("light", 390), ("dark", 1280)]


def violations(page: Any) -> list[str]:
    """What axe-core finds, as short texts."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize(("scheme", "width"), LOOKS[:2])
def test_every_page_is_clean(viewer: OpenViewer, site: World, scheme: str, width: int) -> None:
    """Codabench #1795: the layout is broken on telephones.

    Set SCREENS to a folder to get a picture of each page in all four looks.
    """
    screens = os.environ.get("SCREENS")
    viewers: dict[Any, Any] = {}
    problems: dict[str, list[str]] = {}
    for name, user, path in every_page(site, fill(site)):
        if user not in viewers:
            viewers[user] = viewer(user, width=width, scheme=scheme)
        page = viewers[user].page
        response = viewers[user].open(path)
        found = violations(page)
        if response.status >= 400 and name != "not-found":
            found.append(f"status {response.status}")
        if (content := page.evaluate(WIDTH_OF_CONTENT)) > width:
            found.append(f"the page is {content} px wide in a window of {width}")
        if found:
            problems[name] = found
        if screens:
            for shown, size in LOOKS:
                page.emulate_media(color_scheme=shown)
                page.set_viewport_size({"width": size, "height": 900})
                page.screenshot(path=Path(screens) / f"{name}-{size}-{shown}.png", full_page=True)
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
    assert problems == {}
