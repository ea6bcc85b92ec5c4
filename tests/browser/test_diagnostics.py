"""The diagnostics page: plots that answer to pointer and keyboard, SVG without JavaScript, both schemes and widths."""

import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from challenge.analyses.analysis_run import analyse
from challenge.contests.models import Phase
from challenge.datasets.services import add_answer_key
from challenge.submissions.models import Submission
from challenge.submissions.scoring_run import score
from tests.browser.conftest import OpenViewer
from tests.browser.test_pages import LOOKS, WIDTH_OF_CONTENT, violations
from tests.factories import World, make_phase

GENERATORS = ("DALLE3", "Midjourney", "SDXL_Turbo", "LCM_SD1.5", "Playground")
PLOTS = ("scatter", "residuals", "distribution")


@pytest.fixture
def submission(site: World) -> Submission:
    """A submission of 1,200 images with diagnostics."""
    rng = random.Random(4)
    key, predictions = ["name,mos,generator"], []
    for number in range(1200):
        generator = GENERATORS[number % len(GENERATORS)]
        mos = min(5.0, max(0.0, rng.gauss(3.5 + 0.3 * (number % 5 - 2), 0.9)))
        key.append(f"{generator}_{number:05d}.png,{mos:.6f},{generator}")
        predictions.append(f"{generator}_{number:05d}.png,{(mos / 5) ** 2 + rng.gauss(0, 0.15):.5f}")
    phase = make_phase(site.challenge, "large", shows_fit=True, position=8)
    Phase.objects.filter(pk=phase.pk).update(title="Validation")
    add_answer_key(phase=phase, content="\n".join(key).encode(), actor=None)
    found = site.submit(phase=phase, content="\n".join(predictions).encode())
    score(found.pk)
    analyse(found.evaluations.get().pk)
    return found


def address(submission: Submission) -> str:
    return reverse("diagnostics", args=[submission.pk])


def drawn(page: Any) -> Any:
    """The page once the plots have taken the place of the SVG."""
    expect(page.locator(".uplot canvas")).to_have_count(len(PLOTS))
    return page


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_page_is_clean(viewer: OpenViewer, site: World, submission: Submission, scheme: str, width: int) -> None:
    """No axe violation, no console message (a CSP violation is one), no sideways scroll. SCREENS as for other pages."""
    looks = viewer(site.alice, scheme=scheme, width=width)
    looks.open(address(submission))
    page = drawn(looks.page)
    box = page.locator("[data-plot=scatter] .u-over").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("[data-plot=scatter] .plot-tip")).to_be_visible()
    if screens := os.environ.get("SCREENS"):
        page.screenshot(path=Path(screens) / f"diagnostics-{width}-{scheme}.png", full_page=True)
    for summary in page.locator("summary").all():
        summary.click()
    assert violations(page) == []
    assert page.evaluate(WIDTH_OF_CONTENT) <= width
    if screens:
        page.screenshot(path=Path(screens) / f"diagnostics-open-{width}-{scheme}.png", full_page=True)


def test_hovering_reads_the_image_under_the_pointer(viewer: OpenViewer, site: World, submission: Submission) -> None:
    looks = viewer(site.alice)
    looks.open(address(submission))
    page = drawn(looks.page)
    worst = page.locator("section:has(#worst) tbody tr").first
    name, prediction, _, mos, *_ = [cell.inner_text() for cell in worst.locator("th, td").all()]
    plot = page.locator("[data-plot=scatter]")
    place = page.evaluate(
        """async ([name]) => {
            const { points } = await (await fetch(document.querySelector("[data-plot]").dataset.source)).json();
            const span = (values) => [Math.min(...values), Math.max(...values)];
            const share = (value, [low, high]) => (value - low + 0.03 * (high - low)) / (1.06 * (high - low));
            const i = points.name.indexOf(name);
            return [share(points.prediction[i], span(points.prediction)), 1 - share(points.mos[i], span(points.mos))];
        }""",
        [name],
    )
    box = plot.locator(".u-over").bounding_box()
    page.mouse.move(box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"])
    tip = plot.locator(".plot-tip")
    expect(tip).to_contain_text(name)
    expect(tip).to_contain_text(f"prediction {prediction}".replace("-", "−"))
    expect(tip).to_contain_text(f"MOS {mos}")
    page.mouse.move(0, 0)
    expect(tip).to_be_hidden()


def test_the_keyboard_reads_zooms_and_goes_back(viewer: OpenViewer, site: World, submission: Submission) -> None:
    looks = viewer(site.alice)
    looks.open(address(submission))
    page = drawn(looks.page)
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.plot") == "scatter":
            break
    plot = page.locator("[data-plot=scatter]")
    expect(plot).to_be_focused()
    assert plot.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    assert plot.evaluate("element => element.getAttribute('aria-labelledby')") == "scatter"
    page.keyboard.press("Home")
    first = page.locator("#announcer").inner_text()
    assert re.fullmatch(r".+\.png, prediction −?[\d.]+, MOS [\d.]+, residual −?[\d.]+", first)
    page.keyboard.press("ArrowRight")
    expect(page.locator("#announcer")).not_to_have_text(first)
    page.keyboard.press("PageDown")
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#announcer")).to_have_text(first)
    picture = "element => element.querySelector('canvas').toDataURL()"
    whole = plot.evaluate(picture)
    page.keyboard.press("End")
    page.keyboard.press("+")
    page.wait_for_function(f"before => ({picture})(document.activeElement) !== before", arg=whole)
    expect(plot.locator(".plot-ring")).to_be_visible()
    page.keyboard.press("0")
    page.wait_for_function(f"before => ({picture})(document.activeElement) === before", arg=whole)
    page.keyboard.press("Escape")
    expect(plot.locator(".plot-ring")).to_be_hidden()


def test_dragging_zooms_and_a_double_click_goes_back(viewer: OpenViewer, site: World, submission: Submission) -> None:
    looks = viewer(site.alice)
    looks.open(address(submission))
    page = drawn(looks.page)
    canvas = page.locator("[data-plot=scatter] canvas")
    picture = "canvas => canvas.toDataURL()"
    whole = canvas.evaluate(picture)
    canvas.scroll_into_view_if_needed()
    box = page.locator("[data-plot=scatter] .u-over").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 120, middle[1] + 90, steps=4)
    page.mouse.up()
    assert canvas.evaluate(picture) != whole
    page.mouse.dblclick(*middle)
    page.wait_for_function(
        "before => document.querySelector('[data-plot=scatter] canvas').toDataURL() === before", arg=whole
    )


def test_plots_follow_the_scheme_and_the_width(viewer: OpenViewer, site: World, submission: Submission) -> None:
    looks = viewer(site.alice)
    looks.open(address(submission))
    page = drawn(looks.page)
    canvas = page.locator("[data-plot=distribution] canvas")
    light = canvas.evaluate("canvas => canvas.toDataURL()")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "before => document.querySelector('[data-plot=distribution] canvas').toDataURL() !== before", arg=light
    )
    page.set_viewport_size({"width": 390, "height": 900})
    page.wait_for_function("() => document.querySelector('.uplot').clientWidth < 390")
    assert page.evaluate(WIDTH_OF_CONTENT) <= 390


def test_without_javascript_and_without_data_the_servers_drawing_stays(
    viewer: OpenViewer, site: World, submission: Submission
) -> None:
    plain = viewer(site.alice, java_script_enabled=False)
    plain.open(address(submission))
    expect(plain.page.locator("svg.plot")).to_have_count(len(PLOTS))
    if screens := os.environ.get("SCREENS"):
        plain.page.screenshot(path=Path(screens) / "diagnostics-plain.png", full_page=True)
    assert plain.page.locator("#plot-help").is_hidden()
    plain.page.get_by_text("The line in numbers").first.click()
    expect(plain.page.locator("#scatter ~ figure table")).to_be_visible()
    cut = viewer(site.alice)
    cut.page.route("**/diagnostics.json", lambda route: route.abort())
    cut.open(address(submission))
    cut.page.wait_for_load_state("networkidle")
    expect(cut.page.locator("svg.plot")).to_have_count(len(PLOTS))


def test_figures_for_papers_are_downloads(viewer: OpenViewer, site: World, submission: Submission) -> None:
    looks = viewer(site.alice)
    looks.open(address(submission))
    for kind in ("SVG", "PDF", "CSV", "JSON"):
        with looks.page.expect_download() as download:
            looks.page.get_by_role("link", name=f"{kind}: Residuals", exact=True).click()
        assert Path(download.value.path()).stat().st_size > 1000
        assert download.value.suggested_filename.endswith(f"-residuals.{kind.lower()}")
