"""A Chromium for the whole run, the live server with its world, and pages that remember every console error."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.browser import chromium
from tests.factories import World, make_world

# Playwright's loop runs in this thread, which Django takes for an async context.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium. Without one the tests are skipped, but in CI they fail."""
    if not chromium.is_there():
        reason = f"no Chromium at {chromium.EXECUTABLE}: install it or set CHROMIUM"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium.EXECUTABLE, args=chromium.ARGUMENTS)
        yield running
        running.close()


@dataclass
class Viewer:
    """A page and what went wrong on it: console errors (a CSP violation is one), exceptions, failed requests."""

    page: Any
    base: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> Any:
        """Go to a path of the live server; returns the response."""
        return self.page.goto(self.base + path)


OpenViewer = Callable[..., Viewer]


def watch(page: Any, faults: list[str]) -> None:
    """Note in `faults` whatever the browser complains about."""

    def console(message: Any) -> None:
        # A page that answers 4xx on purpose logs its own status; tests look at statuses themselves.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            faults.append(f"{page.url}: {message.text}")

    page.on("console", console)
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))


@pytest.fixture
def viewer(browser: Any, live_server: Any) -> Iterator[OpenViewer]:
    """`viewer(user=None, width=1280, scheme="light", **context options)` opens a page, signed in as `user`.

    When the test ends, no page may have complained about anything.
    """
    opened: list[tuple[Any, Viewer]] = []

    def open_viewer(user: Any = None, *, width: int = 1280, scheme: str = "light", **options: Any) -> Viewer:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            reduced_motion="reduce",
            **{"timezone_id": "America/New_York", **options},
        )
        if user is not None:
            client = Client()
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
            name = settings.SESSION_COOKIE_NAME
            context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
        page = context.new_page()
        page.set_default_timeout(10_000)
        made = Viewer(page, live_server.url)
        watch(page, made.faults)
        opened.append((context, made))
        return made

    yield open_viewer
    faults = [fault for _, made in opened for fault in made.faults]
    for context, _ in opened:
        context.close()
    assert faults == []


@pytest.fixture
def site(transactional_db: None, live_server: Any) -> World:
    """The world of tests.factories in the database that the live server reads."""
    return make_world()
