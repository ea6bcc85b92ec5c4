"""A robot rates whole sessions by keys: through reload, kill, lost connection and a second tab. Nothing is lost, no
rating counts twice, the order stays."""

import os
import statistics
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, expect

from challenge.study.models import Rating, RatingSession, Study, Trial
from tests.browser import chromium
from tests.browser.conftest import watch
from tests.browser.robot import DIGITS, READY, ROBOT
from tests.factories import World
from tests.study.studies import invited, make_study


class Rater:
    """A subject with a browser profile of its own, which survives the browser."""

    def __init__(self, browser: Any, profile: Path, base: str, study: Study, token: str) -> None:
        self.kind, self.profile, self.base = browser.browser_type, profile, base
        self.study, self.token = study, token
        self.faults: list[str] = []
        self.given: list[int] = []

    def start_browser(self) -> Any:
        """A page of a new browser with the profile."""
        self.context = self.kind.launch_persistent_context(
            self.profile, executable_path=chromium.EXECUTABLE, args=chromium.ARGUMENTS, reduced_motion="reduce"
        )
        self.page = self.context.pages[0]
        self.page.set_default_timeout(15_000)
        watch(self.page, self.faults)
        return self.page

    def enter(self) -> None:
        """Open the link and start, or go on."""
        self.page.goto(f"{self.base}/rate/invitation/{self.token}/")
        self.page.locator("main button[type=submit]").click()
        self.page.wait_for_function(READY)

    def rate(self, count: int) -> list[float]:
        """Rate `count` images by keys."""
        times: list[float] = self.page.evaluate(ROBOT, {"count": count, "digits": DIGITS})
        self.given += [DIGITS[n % len(DIGITS)] for n in range(count)]
        return times

    def all_saved(self) -> None:
        expect(self.page.locator("#saved")).to_have_text("All saved")

    def kill(self) -> None:
        """End the browser's processes as a crash does, with nothing said and nothing saved."""
        marker = f"--user-data-dir={self.profile}"
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / "cmdline").read_bytes().decode(errors="replace")
                except OSError:
                    continue
                if marker in command:
                    with suppress(ProcessLookupError):
                        os.kill(int(entry.name), 9)
        with suppress(Error):
            self.context.close()


@pytest.fixture
def rater(browser: Any, site: World, live_server: Any, tmp_path: Path, request: Any) -> Iterator[Rater]:
    """A subject who has agreed to a study of whole scores, with a session of 56 images and 5 beside them."""
    fields = getattr(request, "param", {"images": 56, "golds": 1})
    study = make_study(site.challenge, site.organiser, step=1.0, **fields)
    _, token = invited(study, site.organiser)
    made = Rater(browser, tmp_path / "profile", live_server.url, study, token)
    made.start_browser()
    yield made
    made.context.close()
    assert made.faults == []


def order_of(study: Study) -> list[tuple[uuid.UUID, int, str]]:
    trials = Trial.objects.filter(session__subject__study=study).order_by("position")
    return list(trials.values_list("pk", "position", "image__name"))


def through_everything(rater: Rater, total: int) -> list[float]:
    """Rate a whole session through a reload, lost connections, a kill and a second tab; ms from key to next image."""
    rater.enter()
    page, order = rater.page, order_of(rater.study)
    assert len(order) == total
    rater.rate(10)
    page.reload()
    page.wait_for_function(READY)
    latency = rater.context.new_cdp_session(page)
    conditions = {"offline": False, "latency": 60, "downloadThroughput": -1, "uploadThroughput": -1}
    latency.send("Network.emulateNetworkConditions", conditions)
    times = rater.rate(total - 45)
    latency.send("Network.emulateNetworkConditions", {**conditions, "latency": 0})
    rater.all_saved()

    rater.context.set_offline(True)
    rater.rate(5)
    expect(page.locator("#saved")).to_have_text("No connection: 5 kept on this computer")
    rater.context.set_offline(False)
    rater.all_saved()
    stored = Rating.objects.count()
    assert stored == len(rater.given)

    rater.context.set_offline(True)
    rater.rate(4)
    expect(page.locator("#saved")).to_have_text("No connection: 4 kept on this computer")
    rater.kill()
    assert Rating.objects.count() == stored
    page = rater.start_browser()
    rater.enter()
    rater.all_saved()
    assert Rating.objects.count() == stored + 4

    second = rater.context.new_page()
    watch(second, rater.faults)
    second.goto(page.url)
    expect(second.locator("#held-dialog")).to_be_visible()
    expect(second.locator("#held-text")).to_contain_text("open in another window")
    second.keyboard.press("3")
    rater.rate(3)
    rater.all_saved()
    second.keyboard.press("Tab")
    second.get_by_role("button", name="Rate here instead").press("Enter")
    second.wait_for_function(READY)
    expect(page.locator("#held-dialog")).to_be_visible()
    page.keyboard.press("5")
    rater.page = second
    rater.rate(total - len(rater.given))
    expect(second.locator("#finished")).to_be_visible()
    assert RatingSession.objects.get().state == "open"
    second.keyboard.press("Enter")
    second.wait_for_url("**/rate/*/")
    assert order_of(rater.study) == order
    assert RatingSession.objects.get().state == "done"
    return times


def exactly_what_was_given(rater: Rater, images: int) -> None:
    """One counting answer for each trial, in the order of the session; no other rows."""
    rows = Rating.objects.order_by("trial__position")
    assert list(rows.values_list("value", flat=True)) == rater.given
    assert not rows.filter(is_superseded=True).exists()
    assert rows.filter(trial__kind="main").values("trial__image").distinct().count() == images


def test_a_session_through_reload_kill_offline_and_a_second_tab(rater: Rater) -> None:
    times = through_everything(rater, 61)
    exactly_what_was_given(rater, 56)
    print(f"key to next image at 60 ms: median {statistics.median(times):.0f}, max {max(times):.0f} ms")


@pytest.mark.slow
@pytest.mark.parametrize("rater", [{"images": 500, "warm_ups": 5, "repeats": 8, "golds": 2}], indirect=True)
def test_a_session_of_515_images_through_all_of_it(rater: Rater) -> None:
    times = through_everything(rater, 515)
    exactly_what_was_given(rater, 500)
    print(f"key to next image at 60 ms: median {statistics.median(times):.0f}, max {max(times):.0f} ms")
