"""A check before the first session by keyboard alone: measured with a card, answered with arrow keys."""

from playwright.sync_api import expect

from challenge.study import preparations
from challenge.study.records import Preparation
from tests.browser.conftest import OpenViewer
from tests.factories import World
from tests.study.studies import invited, make_study

WIDTHS = "() => { const i = document.querySelector('.check-picture img'); return [i.width, i.naturalWidth]; }"


def test_acuity_is_checked_by_keyboard(viewer: OpenViewer, site: World) -> None:
    study = make_study(site.challenge, site.organiser, images=4, acuity_check="record")
    _, token = invited(study, site.organiser)
    looks = viewer(None, width=1280, scheme="light")
    looks.open(f"/rate/invitation/{token}/")
    page = looks.page
    page.locator(".checks a").press("Enter")
    page.locator("#card").press("ArrowRight")
    expect(page.locator("#card-box")).to_have_attribute("width", "325")
    page.locator("main button[type=submit]").press("Enter")
    expect(page.locator(".check-picture img")).to_be_visible()
    row = Preparation.objects.get()
    assert row.display["card"] == 325
    assert (row.display["width"], row.display["ratio"]) == (1280, page.evaluate("devicePixelRatio"))
    page.wait_for_function("() => document.querySelector('.check-picture img').naturalWidth > 0")
    shown, natural = page.evaluate(WIDTHS)
    assert shown * row.display["ratio"] == natural
    ways = {"up": "ArrowUp", "right": "ArrowRight", "down": "ArrowDown", "left": "ArrowLeft"}
    for place in range(preparations.RINGS):
        expect(page.locator("input[name=place]")).to_have_value(str(place))
        right = row.steps[place]["right"]
        page.keyboard.press(ways[right if place < 2 else next(way for way in ways if way != right)])
    expect(page.get_by_text("Thank you.")).to_be_visible()
    row.refresh_from_db()
    assert [step["given"] == step["right"] for step in row.steps[: preparations.RINGS]] == [True] * 2 + [False] * 3
    assert row.result["acuity"] is None
