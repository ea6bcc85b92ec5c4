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
def test_the_page_is_clean(
    viewer: OpenViewer, site: World, submission: Submission, scheme: str, width: int
) -> None:
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
