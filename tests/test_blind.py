"""A blind phase shows a receipt and nothing else to participants: by page, API and export (acceptance 4)."""

import json
import re

import pytest

from challenge.accounts.services import create_token
from challenge.analyses.analysis_run import analyse
from challenge.analyses.comparison_run import compare
from tests.factories import hidden_mos

PAGES = (
    "/c/iqa/",
    "/c/iqa/submissions/",
    "/c/iqa/final/submit/",
    "/c/iqa/final/leaderboard/",
    "/c/iqa/final/leaderboard/table/",
    "/c/iqa/final/leaderboard.csv",
    "/submissions/{id}/",
    "/submissions/{id}/status/",
    "/submissions/{id}/row/",
    "/submissions/{id}/diagnostics/",
    "/submissions/{id}/diagnostics.json",
    "/submissions/{id}/figures/scatter.json",
    "/submissions/{id}/figures/scatter.svg",
    "/submissions/{id}/figures/worst.csv",
    "/c/iqa/final/leaderboard.svg",
)
API = ("/api/v1/submissions/{id}", "/api/v1/phases/{phase}/submissions", "/api/v1/phases/{phase}/leaderboard")


def traces(result: dict) -> set[str]:
    """Every number of a result that only scoring could know, as pages print it (and as longer decimals begin)."""
    numbers = [result[key] for key in ("main", "srocc", "krocc", "plcc", "rmse", "pearson", "plcc_logistic4")]
    numbers += [group["srocc"] for groups in result["subsets"].values() for group in groups.values()]
    numbers += [end for interval in result["intervals"].values() for end in interval]
    return {f"{abs(number):.6f}"[:-2] for number in numbers} | {f"{abs(number):.4f}" for number in numbers}


def found_in(text: str, hidden: set[str]) -> list[str]:
    """Those numbers that stand in the text; the seconds of a time of day are none."""
    return [trace for trace in hidden if re.search(rf"(?<![\d.:]){re.escape(trace)}", text)]


@pytest.fixture
def blind(world):
    submission = world.scored(phase=world.final)
    analyse(submission.evaluations.get().pk)
    compare(world.final.pk)
    hidden = {f"{mos:.6f}"[:-2] for mos in hidden_mos().values()}
    return submission, hidden | traces(submission.evaluations.get().analysis.result)


def fetch(world, client, submission, user) -> dict[str, str]:
    found = {}
    values = {"id": submission.pk, "phase": world.final.pk}
    client.logout()
    if user:
        client.force_login(user)
    for page in PAGES:
        found[page] = client.get(page.format(**values)).content.decode()
    headers = {}
    if user:
        headers = {"authorization": f"Bearer {create_token(user=user, name='t', scopes=['read'])[1]}"}
    for page in API:
        found[page] = client.get(page.format(**values), headers=headers).content.decode()
    return found


@pytest.mark.parametrize("who", ["alice", "bob", "mallory", "outsider", "other_organiser", None])
def test_no_answer_to_them_holds_a_score(world, client, blind, who):
    submission, hidden = blind
    for page, text in fetch(world, client, submission, who and getattr(world, who)).items():
        assert not found_in(text, hidden), page


def test_the_team_gets_a_receipt(world, client, blind):
    submission, _ = blind
    text = fetch(world, client, submission, world.bob)["/submissions/{id}/"]
    assert submission.sha256 in text
    assert str(submission.pk) in text
    api = json.loads(fetch(world, client, submission, world.alice)["/api/v1/submissions/{id}"])
    assert (api["status"], api["scores"], api["evaluation"]) == ("scored", None, None)


def test_diagnostics_are_not_even_stored(blind):
    submission, _ = blind
    assert submission.evaluations.get().analysis.diagnostics is None


def test_the_organiser_sees_everything(world, client, blind):
    submission, _ = blind
    answers = fetch(world, client, submission, world.organiser)
    result = submission.evaluations.get().result
    assert f"{result['main']:.4f}" in answers["/submissions/{id}/"]
    assert f"{result['main']:.4f}" in answers["/c/iqa/final/leaderboard/"]
    assert json.loads(answers["/api/v1/phases/{phase}/leaderboard"])[0]["scores"]["main"] == result["main"]


def test_opening_the_phase_shows_the_scores(world, client, blind):
    submission, _ = blind
    world.final.is_blind = False
    world.final.save()
    main = submission.evaluations.get().result["main"]
    assert f"{main:.4f}" in fetch(world, client, submission, world.mallory)["/c/iqa/final/leaderboard/"]


def test_a_constant_submission_does_not_tell_by_its_page_that_it_is_undefined(world, client):
    content = "".join(f"img_{i:03d}.png,3\n" for i in range(60)).encode()
    submission = world.scored(phase=world.final, content=content)
    text = fetch(world, client, submission, world.alice)["/submissions/{id}/status/"]
    assert "undefined" not in text
