"""Prompts in doubt by keyboard: a key decides on the one that has the focus and goes to the next."""

from django.urls import reverse

from tests.browser.conftest import OpenViewer
from tests.factories import World
from tests.jobs.made import make_job


def test_keys_decide_and_go_on_and_nothing_is_stored_before_it_is_saved(viewer: OpenViewer, site: World) -> None:
    job = make_job(site.admin, "paused", "prompts")
    opened = viewer(site.admin)
    opened.open(reverse("job-review", args=[job.pk]))
    page = opened.page
    page.get_by_role("radio", name="Undecided").first.focus()
    for key in ("a", "j", "k", "r"):  # accepts the first, looks at the third, rejects the second
        page.keyboard.press(key)
    chosen = page.locator("fieldset input:checked")
    assert [chosen.nth(n).input_value() for n in range(3)] == ["allow", "block", "block"]
    assert list(job.doubts.values_list("decision", flat=True)) == ["", "", "block"]
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("2 decisions saved").wait_for()
    assert list(job.doubts.values_list("decision", flat=True)) == ["allow", "block", "block"]
