"""What people do: submit with keyboard only, without JavaScript, watch a score arrive, read the board."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from challenge.analyses.analysis_run import analyse
from challenge.contests.services import join_challenge
from challenge.submissions.models import Submission
from challenge.submissions.scoring_run import score
from tests.browser.conftest import OpenViewer
from tests.browser.rich import fill
from tests.browser.test_pages import WIDTH_OF_CONTENT, violations
from tests.factories import World, make_user, prediction_csv


@pytest.fixture
def right_file(tmp_path: Path) -> Path:
    """A file that the server accepts."""
    path = tmp_path / "right.csv"
    path.write_bytes(prediction_csv())
    return path


@pytest.fixture
def wrong_file(tmp_path: Path) -> Path:
    """The same with a word for a score on line 4 and the last image missing."""
    path = tmp_path / "wrong.csv"
    lines = prediction_csv(img_003="good").decode().splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n")
    return path


@pytest.fixture
def files(right_file: Path, wrong_file: Path) -> dict[str, Path]:
    """Both, under the names of their pictures."""
    return {"validated": right_file, "validated-wrong": wrong_file}


def submit_path(world: World) -> str:
    return reverse("submit", args=[world.challenge.slug, world.development.slug])


def test_upload_with_the_keyboard_alone(viewer: OpenViewer, site: World, right_file: Path) -> None:
    """Tab from the skip link on: every step has a visible focus and a name."""
    looks = viewer(site.alice)
    page = looks.page
    page.on("filechooser", lambda chooser: chooser.set_files(right_file))  # early: it takes a moment to be in force
    looks.open(submit_path(site))
    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "file":
            break
    expect(page.locator("input[type=file]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#validation")).to_contain_text("60 rows, no problem found")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Submit":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    assert Submission.objects.get().submitted_by == site.alice


def test_upload_without_javascript(viewer: OpenViewer, site: World, right_file: Path, wrong_file: Path) -> None:
    looks = viewer(site.alice, java_script_enabled=False)
    page = looks.page
    looks.open(submit_path(site))
    page.get_by_label("Method name").fill("Plain HTML")
    page.set_input_files("input[type=file]", wrong_file)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("alert")).to_contain_text("Your quota is untouched")
    expect(page.locator("table.problems tbody tr").first).to_contain_text(re.compile(r"4\s+.*good"))
    expect(page.get_by_label("Method name")).to_have_value("Plain HTML")
    assert not Submission.objects.exists()
    page.set_input_files("input[type=file]", right_file)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="Plain HTML")).to_be_visible()
    score(Submission.objects.get().pk)
    page.reload()
    expect(page.locator(".metrics .main")).to_contain_text("0.9")


def test_a_wrong_file_is_explained_before_it_is_sent(
    viewer: OpenViewer, site: World, wrong_file: Path, right_file: Path
) -> None:
    looks = viewer(site.alice)
    looks.open(submit_path(site))
    looks.page.set_input_files("input[type=file]", wrong_file)
    table = looks.page.locator("#validation table.problems")
    expect(table.locator("tbody tr").first).to_contain_text("4")
    expect(table).to_contain_text("img_059.png")
    # One that is too large is not even sent to be checked, and the form says so again (Codabench #2101).
    looks.page.eval_on_selector("input[type=file]", "input => { input.dataset.maxBytes = 1000; }")
    sent: list[str] = []
    looks.page.on("request", lambda request: sent.append(request.url))
    looks.page.set_input_files("input[type=file]", right_file)
    expect(looks.page.locator("#validation")).to_have_text("The file is larger than 0.001 MB. Send it as a zip.")
    looks.page.get_by_role("button", name="Submit").click()
    assert looks.page.eval_on_selector("input[type=file]", "input => input.validationMessage").startswith("The file is")
    assert sent == []
    assert not Submission.objects.exists()


def test_drop_a_file(viewer: OpenViewer, site: World) -> None:
    looks = viewer(site.alice)
    looks.open(submit_path(site))
    transfer = looks.page.evaluate_handle(
        """text => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], "dropped.csv", {type: "text/csv"}));
            return transfer;
        }""",
        prediction_csv().decode(),
    )
    looks.page.dispatch_event("[data-file-zone]", "drop", {"dataTransfer": transfer})
    expect(looks.page.locator("#validation")).to_contain_text("dropped.csv")


def test_double_click_is_one_submission_and_back_allows_another(
    viewer: OpenViewer, site: World, right_file: Path
) -> None:
    looks = viewer(site.alice)
    page = looks.page
    looks.open(submit_path(site))
    page.set_input_files("input[type=file]", right_file)
    page.get_by_role("button", name="Submit").dblclick()
    expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    assert Submission.objects.count() == 1
    page.go_back()
    expect(page.get_by_role("button", name="Submit")).not_to_have_attribute("aria-busy", "true")


def test_the_score_arrives_without_reload(viewer: OpenViewer, site: World) -> None:
    submission = site.submit()
    looks = viewer(site.alice)
    page = looks.page
    looks.open(submission.get_absolute_url())
    page.evaluate("window.sameDocument = true")
    expect(page.locator(".badge[data-status=queued]")).to_be_visible()
    page.locator("#withdraw-link").focus()
    with page.expect_response("**/status/"):
        pass
    with page.expect_response("**/status/"):
        pass
    expect(page.locator("#withdraw-link")).to_be_focused()  # an unchanged answer disturbs nobody
    score(submission.pk)
    expect(page.locator(".badge[data-status=scored]")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("Scored")
    expect(page.get_by_text("95 % intervals and scores by subset are being worked out")).to_be_visible()
    analyse(submission.evaluations.get().pk)
    expect(page.locator(".metrics .main .interval")).to_be_visible()
    assert page.evaluate("window.sameDocument")
    assert page.locator("[hx-get]").count() == 0  # all is there: asks no more
    assert re.fullmatch(r"\d\.\d{4}", page.locator(".metrics .main dd").inner_text().split()[0])


def test_rows_of_the_list_update_themselves(viewer: OpenViewer, site: World) -> None:
    submission, blind = site.submit(), site.submit(phase=site.final)
    looks = viewer(site.bob)
    looks.open(reverse("submissions", args=[site.challenge.slug]))
    score(submission.pk)
    score(blind.pk)
    expect(looks.page.locator(f"#row-{submission.pk}")).to_contain_text("Scored")
    expect(looks.page.locator(f"#row-{blind.pk}")).to_contain_text("hidden until the phase ends")


def test_board_filter_highlight_and_refresh(viewer: OpenViewer, site: World) -> None:
    fill(site)
    looks = viewer(site.alice)
    page = looks.page
    page.clock.install()
    looks.open(reverse("leaderboard", args=[site.challenge.slug, "development"]))
    mine = page.locator(f"#team-{site.team.pk}")
    expect(mine).to_have_class(re.compile("mine"))
    page.get_by_label("Filter by name").fill("KŌAN")
    expect(page.locator("tbody tr:visible")).to_have_count(1)
    newcomer = make_user("newcomer")
    join_challenge(user=newcomer, challenge=site.challenge, team_name="Koan and Kōan", accepts_terms=True)
    with page.expect_response("**/table/") as unchanged:
        page.clock.run_for(10_500)
    assert unchanged.value.status == 304
    site.scored(newcomer)
    page.clock.run_for(10_500)
    expect(page.locator("tbody tr:visible")).to_have_count(2)  # the filter holds
    page.get_by_label("Filter by name").fill("")
    expect(mine).to_have_class(re.compile("mine"))
    assert page.locator("tr.reference .rank").inner_text() == ""
    expect(page.locator("tr.undefined")).to_contain_text("all predictions are the same")


def test_times_are_shown_in_the_viewers_zone(viewer: OpenViewer, site: World) -> None:
    looks = viewer(None, timezone_id="Asia/Tokyo", locale="en-GB")
    looks.open(site.challenge.get_absolute_url())
    opens = looks.page.locator("main time").first
    assert opens.inner_text().endswith(" UTC")
    assert re.search(r"\w{3} \d\d:\d\d (GMT\+9|JST)", opens.locator("xpath=..").inner_text())


def test_countdown_corrects_a_wrong_clock(viewer: OpenViewer, site: World) -> None:
    """A computer whose clock is a day late still counts down to the server's deadline."""
    looks = viewer(site.alice)
    looks.page.clock.install(time=site.development.opens_at)
    looks.open(site.challenge.get_absolute_url())
    expect(looks.page.locator(".countdown").first).to_have_text(re.compile(r"9 d 23 h"))


def test_blind_page_shows_a_receipt_and_no_score(viewer: OpenViewer, site: World) -> None:
    submission = site.scored(phase=site.final)
    looks = viewer(site.alice)
    looks.open(submission.get_absolute_url())
    expect(looks.page.locator(".receipt")).to_contain_text(submission.sha256)
    assert looks.page.locator(".metrics, .plot, a[href*=diagnostics]").count() == 0
    assert "SRoCC" not in looks.page.locator("main").inner_text()


def test_copy_the_invitation(viewer: OpenViewer, site: World) -> None:
    looks = viewer(site.alice, permissions=["clipboard-read", "clipboard-write"])
    looks.open(reverse("team", args=[site.challenge.slug]))
    looks.page.get_by_role("button", name="Copy").click()
    expect(looks.page.get_by_role("button", name="Copied")).to_be_visible()
    copied = looks.page.evaluate("navigator.clipboard.readText()")
    assert copied == looks.base + reverse("join-team", args=[site.challenge.slug, site.team.invitation])


def test_server_errors_look_like_the_site(viewer: OpenViewer, site: World, monkeypatch: Any) -> None:
    """The 500 page stands without a request: no context processor, no database."""
    looks = viewer(None)
    monkeypatch.setattr("challenge.contests.views.visible_challenges", lambda _user: 1 / 0)
    assert looks.open("/").status == 500
    expect(looks.page.get_by_role("heading")).to_have_text("Something went wrong on our side")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_answers_to_forms_are_accessible(
    viewer: OpenViewer, site: World, files: dict[str, Path], scheme: str, width: int
) -> None:
    """What only a POST shows: line errors before and after sending, field errors, a new token. SCREENS as for pages."""
    looks = viewer(site.alice, scheme=scheme, width=width)
    page = looks.page
    looks.open(submit_path(site))
    for name, file in files.items():
        page.set_input_files("input[type=file]", file)
        expect(page.locator("#validation")).to_contain_text(file.name)
        check(page, name, width)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check(page, "refused", width)
    looks.open(reverse("tokens"))
    page.get_by_label("Name").fill("Laptop")
    page.get_by_role("button", name="Make token").click()
    expect(page.get_by_label("Token", exact=True)).to_be_visible()
    check(page, "token-made", width)
    stranger = viewer(None, scheme=scheme, width=width)
    stranger.open(reverse("account_login"))
    stranger.page.get_by_label("User name or e-mail address").fill("nobody")
    stranger.page.get_by_label("Password").fill("wrong")
    stranger.page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(stranger.page.get_by_role("alert")).to_be_visible()
    check(stranger.page, "login-refused", width)


def check(page: Any, name: str, width: int) -> None:
    """No axe violation, no sideways scroll; a picture where SCREENS asks for one."""
    if screens := os.environ.get("SCREENS"):
        page.screenshot(path=Path(screens) / f"{name}-{width}.png", full_page=True)
    assert violations(page) == [], name
    assert page.evaluate(WIDTH_OF_CONTENT) <= width, name


def test_closed_sign_up_says_so(viewer: OpenViewer, site: World, settings: Any) -> None:
    settings.SIGNUP_OPEN = False
    looks = viewer(None)
    looks.open(reverse("account_signup"))
    expect(looks.page.get_by_role("heading", name="Sign-up is closed")).to_be_visible()
    check(looks.page, "signup-closed", 1280)
