"""Pictures of every page of a running site, to look at: `python -m tests.browser.screens URL FOLDER [USER PASSWORD]`.

Follows links from the front page, one page of each kind (addresses that differ only in an identifier are one kind), and
saves each at 1280 and 390 pixels, light and dark.
"""

import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from tests.browser import chromium

LOOKS = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]
NOT_PAGES = re.compile(r"^/(admin|api|files|static)/|/file/$|/figures/|\.(csv|svg|pdf|yaml|json)$")
IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/join/)[^/]+")
MOST_PAGES = 60


def sign_in(page: Any, site: str, user: str, password: str) -> None:
    """Through the form, as a person does."""
    page.goto(urljoin(site, "/accounts/login/"))
    page.fill("[name=login]", user)
    page.fill("[name=password]", password)
    page.click("main button[type=submit]")


def crawl(page: Any, site: str) -> list[str]:
    """Paths of the pages that links lead to, one of each kind."""
    found: list[str] = []
    waiting, kinds = ["/"], {"/"}
    while waiting and len(found) < MOST_PAGES:
        path = waiting.pop(0)
        page.goto(urljoin(site, path))
        found.append(path)
        for link in page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)"):
            parts = urlsplit(link)
            kind = IDENTIFIER.sub("ID", parts.path)
            if parts.netloc == urlsplit(site).netloc and not NOT_PAGES.search(parts.path) and kind not in kinds:
                kinds.add(kind)
                waiting.append(parts.path)
    return found


def save(page: Any, path: str, folder: Path) -> None:
    """All looks of one page."""
    name = IDENTIFIER.sub("id", path).strip("/").replace("/", "-") or "home"
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)


def main(site: str, folder: Path, *credentials: str) -> None:
    """Crawl and save."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.EXECUTABLE, args=chromium.ARGUMENTS)
        page = browser.new_page(timezone_id="Europe/Vienna", locale="en-GB", reduced_motion="reduce")
        if credentials:
            sign_in(page, site, *credentials)
        for path in crawl(page, site):
            page.goto(urljoin(site, path))
            save(page, path, folder)
            print(path)
        browser.close()


if __name__ == "__main__":
    if len(sys.argv) not in (3, 5):
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
