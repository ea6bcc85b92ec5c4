"""A robot rates sessions: by keyboard alone, through reload, kill, lost connection and a second tab. Nothing is lost,
nothing counts twice, the order stays. Set SCREENS to a folder for pictures."""

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
from tests.browser.conftest import OpenViewer, watch
from tests.browser.test_pages import LOOKS, WIDTH_OF_CONTENT, violations
from tests.factories import World
from tests.study.studies import invited, make_study

# Runs in the page: presses a digit as soon as an image can be rated, `count` times; ms from each key to the next image.
ROBOT = """
async ({count, digits}) => {
    const frame = document.getElementById("frame");
    const ready = (before) => new Promise((resolve) => {
        const look = () => frame.dataset.trial !== before && frame.firstChild ? resolve() : setTimeout(look, 1);
        look();
    });
    const shown = (before) => new Promise((resolve) => {
        const look = () => frame.firstChild !== before ? requestAnimationFrame(() => resolve(performance.now()))
            : setTimeout(look, 0);
        look();
    });
    const times = [];
    let before = null;
    for (let n = 0; n < count; n += 1) {
        await ready(before);
        before = frame.dataset.trial;
        const picture = frame.firstChild;
        const key = String(digits[n % digits.length]);
        const pressed = performance.now();
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
        times.push(await shown(picture) - pressed);
    }
    return times;
}
"""
READY = """() => document.getElementById("frame").firstChild && document.getElementById("frame").dataset.trial"""
DIGITS = [3, 1, 4, 2, 5, 0]


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
    images = getattr(request, "param", 56)
    study = make_study(site.challenge, site.organiser, images=images, step=1.0, golds=1)
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
@pytest.mark.parametrize("rater", [500], indirect=True)
def test_five_hundred_images_through_all_of_it(rater: Rater) -> None:
    times = through_everything(rater, 505)
    exactly_what_was_given(rater, 500)
    print(f"key to next image at 60 ms: median {statistics.median(times):.0f}, max {max(times):.0f} ms")


@pytest.fixture
def subject(viewer: OpenViewer, site: World) -> Any:
    """`subject(width, scheme, **fields of the study)`: a page of a subject that has opened its link."""

    def open_subject(width: int = 1280, scheme: str = "light", *, consents: bool = True, **fields: Any) -> Any:
        study = make_study(site.challenge, site.organiser, **{"images": 12, "repeats": 0, **fields})
        _, token = invited(study, site.organiser, consents=consents)
        looks = viewer(None, width=width, scheme=scheme)
        looks.open(f"/rate/invitation/{token}/")
        return looks.page

    return open_subject


def started(page: Any) -> Any:
    page.locator("main button[type=submit]").click()
    page.wait_for_function(READY)
    return page


def current(page: Any) -> str:
    return str(page.locator("#frame").get_attribute("data-trial"))


def on_the_next(page: Any, before: str) -> None:
    page.wait_for_function("before => document.getElementById('frame').dataset.trial !== before", arg=before)


def press_and_go_on(page: Any, *keys: str) -> str:
    """Press keys, the last of which rates; the trial that was rated."""
    before = current(page)
    for key in keys:
        page.keyboard.press(key)
    on_the_next(page, before)
    return before


def values(trial: str) -> list[tuple[float | None, str, bool]]:
    rows = Rating.objects.filter(trial=trial).order_by("is_superseded")
    return list(rows.values_list("value", "flag", "is_superseded"))


def saved(page: Any) -> None:
    expect(page.locator("#saved")).to_have_attribute("data-waiting", "0")


def test_decimals_slider_flag_undo_and_pause_by_keyboard(subject: Any) -> None:
    page = started(subject())
    slider = page.get_by_role("slider")
    expect(slider).to_be_focused()
    expect(slider).to_have_attribute("aria-valuetext", "no score yet")
    assert page.locator(".thumb").is_hidden()
    expect(page.get_by_role("button", name="Next")).to_be_disabled()

    first = current(page)
    page.evaluate(
        """() => { for (const key of ["3", "7"])
            document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true})); }"""
    )
    on_the_next(page, first)
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "2.5, fair")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "3.1, good")
    second = press_and_go_on(page, "Enter")
    page.keyboard.press("f")
    third = press_and_go_on(page, "Enter")
    saved(page)
    assert values(first) == [(3.7, "", False)]
    assert values(second) == [(3.1, "", False)]
    assert values(third) == [(None, "broken", False)]

    for expected in (third, second, first):
        page.keyboard.press("Backspace")
        page.wait_for_function("id => document.getElementById('frame').dataset.trial === id", arg=expected)
    expect(slider).to_have_attribute("aria-valuetext", "3.7, good")
    page.keyboard.press("Backspace")
    expect(page.locator("#announcer")).to_have_text("You can go back three images at most.")
    press_and_go_on(page, "1")
    page.wait_for_timeout(450)
    saved(page)
    assert values(first) == [(1.0, "", False), (3.7, "", True)]
    expect(slider).to_have_attribute("aria-valuetext", "3.1, good")

    page.keyboard.press("p")
    expect(page.get_by_role("heading", name="Paused")).to_be_visible()
    expect(page.locator("#frame")).to_be_hidden()
    page.keyboard.press("4")
    page.keyboard.press("Escape")
    expect(page.locator("#frame")).to_be_visible()
    assert current(page) == second
    page.keyboard.press("t")
    expect(page.locator("#translation")).to_be_hidden()
    page.keyboard.press("9")
    expect(page.locator("#announcer")).to_have_text("9 is not on the scale.")


def test_a_pointer_sets_the_slider_and_single_keys_can_be_switched_off(subject: Any) -> None:
    page = started(subject())
    box = page.locator(".slider").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2)
    expect(page.locator("output")).to_have_text("4.0")
    rated = current(page)
    page.get_by_role("button", name="Next").click()
    on_the_next(page, rated)
    saved(page)
    assert values(rated) == [(4.0, "", False)]
    page.get_by_role("button", name="Help").click()
    page.get_by_label("Single keys work everywhere").uncheck()
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Back").focus()
    page.keyboard.press("2")
    page.keyboard.press("f")
    expect(page.locator("#flag-dialog")).to_be_hidden()
    page.get_by_role("slider").focus()
    rated = press_and_go_on(page, "2")
    page.wait_for_timeout(450)
    saved(page)
    assert values(rated) == [(2.0, "", False)]


def test_pixels_are_shown_one_to_one_and_the_image_never_moves(viewer: OpenViewer, site: World) -> None:
    study = make_study(site.challenge, site.organiser, images=4, repeats=0, warm_ups=0)
    study.images.filter(name="image_0000.png").update(prompt="long " * 300)
    for ratio in (1, 2):
        _, token = invited(study, site.organiser)
        page = viewer(None, device_scale_factor=ratio).page
        page.goto(f"{viewer(None).base}/rate/invitation/{token}/")
        started(page)
        places = set()
        for _ in range(4):
            box = page.locator("#frame img").bounding_box()
            assert (box["width"] * ratio, box["height"] * ratio) == (24, 16)
            places.add((box["x"], box["y"]))
            before = current(page)
            page.keyboard.press("3")
            page.wait_for_function(
                "before => document.getElementById('frame').dataset.trial !== before "
                "|| document.getElementById('finished').open",
                arg=before,
            )
            page.wait_for_timeout(450)
        assert len(places) == 1


def test_a_window_that_is_too_small_does_not_rate(subject: Any) -> None:
    page = started(subject())
    page.set_viewport_size({"width": 1280, "height": 200})
    expect(page.locator("#small-dialog")).to_be_visible()
    before = Rating.objects.count()
    page.keyboard.press("3")
    page.set_viewport_size({"width": 1280, "height": 900})
    expect(page.locator("#small-dialog")).to_be_hidden()
    assert Rating.objects.count() == before


@pytest.mark.parametrize(("scheme", "width"), LOOKS[:2])
def test_every_page_of_a_subject_is_clean(subject: Any, scheme: str, width: int) -> None:
    """No axe violation, no sideways scroll, in English and Chinese, in every dialog."""
    language = "en" if width > 1000 else "zh"
    page = subject(width, scheme, consents=False, languages="both", images=3, warm_ups=1, step=1.0)
    page.goto(f"{page.url}?language={language}")
    clean(page, width, "consent")
    page.locator("input[type=checkbox]").check()
    page.locator("main button[type=submit]").click()
    page.wait_for_load_state()
    clean(page, width, "home")
    started(page)
    assert page.locator("html").get_attribute("lang") == language
    clean(page, width, "rating")
    for key, dialog in (("?", "help-dialog"), ("p", "pause-dialog"), ("f", "flag-dialog")):
        page.keyboard.press(key)
        expect(page.locator(f"#{dialog}")).to_be_visible()
        clean(page, width, dialog)
        page.keyboard.press("Escape")
        expect(page.locator(f"#{dialog}")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    clean(page, width, "slider")
    page.evaluate(ROBOT, {"count": 4, "digits": DIGITS})
    expect(page.locator("#finished")).to_be_visible()
    clean(page, width, "finished")
    page.keyboard.press("Enter")
    page.wait_for_url("**/rate/*/*")
    clean(page, width, "rest")
    page.locator("a[href$='/withdraw/']").click()
    clean(page, width, "withdraw")


def clean(page: Any, width: int, name: str) -> None:
    if screens := os.environ.get("SCREENS"):
        page.screenshot(path=Path(screens) / f"subject-{name}-{width}.png")
    assert violations(page) == [], name
    assert page.evaluate(WIDTH_OF_CONTENT) <= width, name


def test_the_preview_rates_without_storing(viewer: OpenViewer, site: World) -> None:
    study = make_study(site.challenge, site.organiser, images=4)
    looks = viewer(site.organiser)
    looks.open(f"/c/iqa/studies/{study.pk}/preview/")
    looks.page.wait_for_function(READY)
    press_and_go_on(looks.page, "3")
    assert not Rating.objects.exists()
    assert not RatingSession.objects.exists()
