"""A database from the admins' pages, on the real thing: from the form to files that a participant downloads."""

import re
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import screens
from tests.browser.conftest import watch
from tests.served import Site, served

IMAGES = 12
AT_MOST = 240.0  # the worker is niced: beside other work it may get next to nothing
CHALLENGE = "/c/aigiqa-demo/"
BARS_AND_PICTURES = """part => [
    [...part.querySelectorAll(".bar")].find(bar => bar.innerText.includes("Images"))?.innerText ?? "",
    part.querySelectorAll(".thumbnails img").length,
]"""


def sign_in(page: Any, site: Site, who: str) -> None:
    password = re.search(rf"{who} +{who.lower()} / (\S+)", site.said)
    assert password, site.said
    screens.sign_in(page, site.url, who.lower(), password[1])
    expect(page.get_by_role("banner")).to_contain_text(who.lower())


def start(page: Any) -> None:
    """The form's defaults, with fewer images."""
    page.get_by_role("link", name="Jobs").click()
    page.get_by_role("link", name="New job").click()
    page.get_by_role("link", name="Generate a database").click()
    page.get_by_label("Title").fill("Twelve shapes")
    page.get_by_label("Images", exact=True).fill(str(IMAGES))
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="Twelve shapes")).to_be_visible()


def follow(page: Any) -> set[tuple[str, int]]:
    """Watch the page, without reloading it, until the job is over; {(images that are done, pictures shown)}."""
    seen: set[tuple[str, int]] = set()
    status = page.locator("#job-status")
    state = page.locator("#job-status .badge").first
    until = time.monotonic() + AT_MOST
    while (said := state.inner_text()) not in ("Done", "Failed"):
        said_of_all, pictures = status.evaluate(BARS_AND_PICTURES)  # in one go: the page may change between two
        seen.add((" ".join(said_of_all.split()), pictures))
        assert time.monotonic() < until, (said, seen)
        page.wait_for_timeout(200)
    expect(state).to_have_text("Done")
    return seen


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_demo_database_from_its_form_to_the_data_page(browser: Any, tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    faults: list[str] = []
    with served(tmp_path / "state", "--workers", "1") as site:
        page = browser.new_page()
        watch(page, faults)
        sign_in(page, site, "Admin")
        start(page)
        seen = follow(page)
        halfway = {(said, pictures) for said, pictures in seen if 0 < pictures < IMAGES}
        assert halfway, seen  # progress and pictures were seen on the way
        # Most of the time as many as are said to be done; a batch may end between the server's two queries.
        assert any(f"{pictures} of {IMAGES}" in said for said, pictures in halfway), halfway
        assert page.locator(".thumbnails img").first.evaluate("image => image.naturalWidth") > 0

        page.get_by_role("link", name="Publish on a data page").click()
        page.get_by_role("button", name="Publish").click()
        expect(page.locator("#job-status .badge").first).to_have_text("Done", timeout=120_000)
        page.close()

        page = browser.new_page()
        watch(page, faults)
        sign_in(page, site, "Participant")
        page.goto(site.url + CHALLENGE + "data/")
        archives = page.get_by_role("link", name=re.compile(r"webdataset-.*\.tar"))
        images = 0
        for number in range(archives.count()):
            with page.expect_download() as download:
                archives.nth(number).click()
            with tarfile.open(download.value.path()) as archive:
                images += sum(name.endswith(".png") for name in archive.getnames())
        assert images == IMAGES
        page.close()
    assert faults == []
