"""The rating page by keyboard and pointer, and all pages of a subject: accessible, in both languages, at both widths.
Set SCREENS to a folder for pictures."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from challenge.study.models import Rating, RatingSession
from tests.browser.conftest import OpenViewer
from tests.browser.robot import DIGITS, READY, ROBOT
from tests.browser.test_pages import LOOKS, WIDTH_OF_CONTENT, violations
from tests.factories import World
from tests.study.studies import invited, make_study


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
    page.wait_for_timeout(100)
    page.keyboard.press("ArrowLeft")
    for opened, dialog in (("?", "help-dialog"), ("f", "flag-dialog")):
        page.keyboard.press(opened)
        expect(page.locator(f"#{dialog}")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(f"#{dialog}")).to_be_hidden()
        page.wait_for_timeout(100)
    assert press_and_go_on(page, "Enter") == second
    saved(page)
    assert values(second) == [(3.0, "", False), (3.1, "", True)]
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
    study = make_study(site.challenge, site.organiser, images=4, repeats=0, warm_ups=0, step=1.0)
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
        assert len(places) == 1


def test_when_the_time_of_a_session_is_over_one_may_stop_or_go_on(subject: Any) -> None:
    page = started(subject(session_minutes=0))
    before = current(page)
    page.keyboard.press("3")
    expect(page.get_by_role("heading", name="The time of a session is over")).to_be_visible()
    page.keyboard.press("Enter")
    on_the_next(page, before)
    press_and_go_on(page, "ArrowRight", "Enter")  # it is told once
    saved(page)
    assert Rating.objects.count() == 2


def test_an_image_that_does_not_load_comes_again_at_the_end(subject: Any) -> None:
    page = subject(images=3, warm_ups=0, step=1.0)
    trials: list[str] = []

    def fail_the_first(route: Any) -> None:
        trials.append(route.request.url)
        if route.request.url == trials[0] and trials.count(trials[0]) <= 3:
            route.abort()
        else:
            route.fallback()

    page.route("**/rate/images/*.png", fail_the_first)
    started(page)
    first = trials[0].rpartition("/")[2].removesuffix(".png")
    assert current(page) != first
    press_and_go_on(page, "3")
    press_and_go_on(page, "3")
    assert current(page) == first
    page.keyboard.press("4")
    expect(page.locator("#finished")).to_be_visible()
    saved(page)
    assert values(first) == [(4.0, "", False)]


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
