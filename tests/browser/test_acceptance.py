"""The whole road once, on the real thing: `manage.py serve`, a browser, and a command line that must agree."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import watch
from tests.served import Site
from tests.served import served as serve_site

ROOT = Path(__file__).resolve().parents[2]
CHALLENGE = "/c/aigiqa-demo/"
PASSWORD = "a quite long pass phrase"
METRICS = ("main", "srocc", "krocc", "plcc", "rmse")


def wait_for(what: Callable[[], Any], message: str, seconds: float = 60) -> Any:
    """The first true value of `what`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.2)
    raise AssertionError(message)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Site]:
    """The embedded server with its demo, on a free port, with its state in a temporary folder."""
    with serve_site(tmp_path / "state", "--workers", "1") as site:
        yield site


def sign_up(page: Any, served: Site) -> None:
    """Create an account from the challenge's page and follow the link in the mail."""
    page.goto(served.url + CHALLENGE)
    page.get_by_label("Next step").get_by_role("link", name="Create account").click()
    page.get_by_label("Email").fill("newcomer@example.org")
    page.get_by_label("Username").fill("newcomer")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Confirm your e-mail address")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Embedded mode sends no mail")
    mails = served.state_dir / "mail"
    text = wait_for(lambda: "".join(path.read_text() for path in mails.glob("*")), "no mail was written")
    page.goto(re.search(r"http://\S+/confirm-email/\S+", text)[0])  # type: ignore[index]
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("banner")).to_contain_text("newcomer")


def join(page: Any, served: Site) -> None:
    page.goto(served.url + CHALLENGE)
    page.get_by_role("link", name="Join the challenge").click()
    page.get_by_label("Team name").fill("Newcomers")
    page.get_by_label("I accept the terms").check()
    page.get_by_role("main").get_by_role("button", name="Join").click()
    expect(page.get_by_role("status").first).to_contain_text("Newcomers")


def prediction_files(page: Any, served: Site, folder: Path) -> tuple[Path, Path]:
    """A wrong and a right file, from the names on the data page."""
    page.goto(served.url + CHALLENGE + "data/")
    row = page.locator("tr", has_text="Validation names")
    with page.expect_download() as download:
        row.get_by_role("link").click()
    names = Path(download.value.path()).read_text().split()
    lines = [f"{name},{(len(name) * 7 + i * 37 % 101) / 10:.2f}" for i, name in enumerate(names)]
    wrong, right = folder / "wrong.csv", folder / "right.csv"
    wrong.write_text("\n".join([lines[0], lines[1].split(",")[0] + ",good", *lines[2:-1]]) + "\n")
    right.write_text("\n".join(lines) + "\n")
    return wrong, right


def submit(page: Any, served: Site, wrong: Path, right: Path) -> str:
    """Send the wrong file, read why it is refused, send the right one; returns the submission's id."""
    page.goto(served.url + CHALLENGE + "development/submit/")
    page.set_input_files("input[type=file]", wrong)
    expect(page.locator("#validation table.problems")).to_contain_text("good")
    page.get_by_role("button", name="Submit").click()
    refused = page.get_by_role("alert")
    expect(refused).to_contain_text("Your quota is untouched")
    expect(refused.locator("tbody tr").first).to_contain_text(re.compile(r"^\s*2\b"))
    expect(refused).to_contain_text("1 name missing")
    page.get_by_label("Method name").fill("Length of the name")
    page.set_input_files("input[type=file]", right)
    expect(page.locator("#validation")).to_contain_text("no problem found")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="Length of the name")).to_be_visible()
    page.evaluate("window.sameDocument = true")
    expect(page.locator(".badge[data-status=scored]")).to_be_visible(timeout=30_000)
    assert page.evaluate("window.sameDocument")
    return str(page.url).rstrip("/").rsplit("/", 1)[1]


def api_scores(page: Any, served: Site, submission: str) -> dict[str, float]:
    """What the API says, with a token made on the tokens page."""
    page.goto(served.url + "/account/tokens/")
    page.get_by_label("Name").fill("acceptance")
    page.get_by_role("button", name="Make token").click()
    token = page.get_by_label("Token", exact=True).input_value()
    with served.api(token) as client:
        scores: dict[str, float] = client.call(f"/api/v1/submissions/{submission}")["scores"]
    return scores


def command_line_scores(right: Path, folder: Path) -> dict[str, float]:
    """`python -m scoring evaluate` on the same file, with the demo's validation key."""
    from challenge.demo.dataset import answer_key

    key = folder / "key.csv"
    key.write_bytes(answer_key("validation"))
    files = ["--predictions", str(right), "--key", str(key)]
    command = [sys.executable, "-m", "scoring", "evaluate", *files, "--bootstrap", "0", "--json"]
    values: dict[str, float] = json.loads(subprocess.check_output(command, cwd=ROOT, text=True))
    return values


@pytest.mark.slow
def test_from_sign_up_to_the_board(browser: Any, served: Site, tmp_path: Path) -> None:
    faults: list[str] = []
    page = browser.new_page()
    watch(page, faults)
    sign_up(page, served)
    join(page, served)
    wrong, right = prediction_files(page, served, tmp_path)
    submission = submit(page, served, wrong, right)
    shown = page.locator(".metrics .main dd").inner_text().strip()
    page.get_by_role("main").get_by_role("link", name="Leaderboard").click()
    mine = page.locator("tr.mine")
    expect(mine).to_contain_text("Newcomers")
    expect(mine.locator("td.main")).to_have_text(shown)
    from_api, from_command = api_scores(page, served, submission), command_line_scores(right, tmp_path)
    assert {metric: from_api[metric] for metric in METRICS} == {metric: from_command[metric] for metric in METRICS}
    assert f"{from_api['main']:.4f}" == shown
    page.close()
    assert faults == []
