"""On a phase with a Ladder nobody but organisers is told more than the shown score, whether it moved, and why."""

import json

import pytest

from challenge.accounts.services import create_token
from challenge.analyses.analysis_run import analyse
from challenge.analyses.comparison_run import compare
from challenge.analyses.models import Analysis, Comparison, Release
from challenge.analyses.release_run import release
from challenge.submissions.intake import Method, receive_reference
from challenge.submissions.scoring_run import score
from tests.factories import prediction_csv, upload
from tests.test_blind import found_in, traces

PAGES = (
    "/",
    "/c/iqa/",
    "/c/iqa/submissions/",
    "/c/iqa/development/submit/",
    "/c/iqa/development/leaderboard/",
    "/c/iqa/development/leaderboard/?exact=1",
    "/c/iqa/development/leaderboard/table/",
    "/c/iqa/development/leaderboard/table/?exact=1",
    "/c/iqa/development/leaderboard.csv",
    "/c/iqa/development/leaderboard.csv?exact=1",
    "/submissions/{id}/",
    "/submissions/{id}/status/",
    "/submissions/{id}/row/",
    "/api/v1/challenges",
    "/api/v1/submissions/{id}",
    "/api/v1/phases/{phase}/submissions",
    "/api/v1/phases/{phase}/leaderboard",
    "/api/v1/phases/{phase}/leaderboard?exact=true",
)
OTHERS = ["alice", "bob", "mallory", "outsider", "other_organiser", None]


@pytest.fixture
def ladder(world):
    """A score that moved, one that did not, another team's and a reference row's, all analysed and compared."""
    phase = world.development
    phase.release_rule, phase.shows_fit = "ladder", False
    phase.save()
    sent = [world.submit(noise=0.5), world.submit(noise=0.52), world.submit(world.mallory, noise=1.0)]
    reference = Method(name="NIQE")
    sent.append(receive_reference(phase=phase, upload=upload(prediction_csv(2.0)), method=reference, actor=None))
    for submission in sent:
        score(submission.pk)
        Analysis.objects.update(resamples=100)
        analyse(submission.evaluations.get().pk)
        release(submission.evaluations.get().pk)
    compare(phase.pk)
    hidden = set().union(*(traces(submission.evaluations.get().analysis.result) for submission in sent))
    hidden |= {f"{step:.4f}" for step in Release.objects.exclude(step=None).values_list("step", flat=True)}
    hidden |= {f"{line['first']:.4f}" for line in Comparison.objects.get().table.values() if 0 < line["first"] < 1}
    return world, sent, hidden


def fetch(ladder, client, who) -> dict[str, str]:
    world, sent, _ = ladder
    user = getattr(world, who) if who else None
    client.logout()
    headers = {}
    if user:
        client.force_login(user)
        headers = {"authorization": f"Bearer {create_token(user=user, name='t', scopes=['read'])[1]}"}
    found = {}
    for submission in sent:
        values = {"id": submission.pk, "phase": world.development.pk}
        for page in PAGES:
            address = page.format(**values)
            options = {"headers": headers} if address.startswith("/api/") else {}
            found[address] = client.get(address, **options).content.decode()
    return found


def test_no_answer_to_others_says_more_than_the_release(ladder, client):
    for who in OTHERS:
        for address, text in fetch(ladder, client, who).items():
            assert not found_in(text, ladder[2]), (who, address)
            for word in ("95 %", "Scores by", "whisker", "Monotone", "group 1", '"rmse":', "For organisers"):
                assert word not in text, (who, address, word)


def test_the_team_reads_what_is_shown_and_why(ladder, client):
    _, (moved, unmoved, *_), _ = ladder
    answers = fetch(ladder, client, "bob")
    shown = Release.objects.get(evaluation__submission=unmoved).shown
    assert f"Shown score: {shown:.2f}" in answers[f"/submissions/{unmoved.pk}/"]
    assert "not better than the score shown, or by too little to tell" in answers[f"/submissions/{unmoved.pk}/"]
    assert "this submission: the first score" in answers[f"/submissions/{moved.pk}/"]
    assert "hidden until" not in answers["/c/iqa/submissions/"]
    api = json.loads(answers[f"/api/v1/submissions/{unmoved.pk}"])
    assert (api["scores"], api["evaluation"]) == (None, None)
    assert api["release"] == {
        "shown": shown,
        "moved": False,
        "reason": "not better than the score shown, or by too little to tell",
    }
    assert "moves only when" in answers["/c/iqa/"]


def test_everybody_sees_the_released_board(ladder, client):
    world, *_ = ladder
    answers = fetch(ladder, client, None)
    shown = Release.objects.get(evaluation__submission__team=world.other_team).shown
    assert f"{shown:.2f}" in answers["/c/iqa/development/leaderboard/"]
    rows = json.loads(answers[f"/api/v1/phases/{world.development.pk}/leaderboard"])
    assert [(row["rank"], row["name"], list(row["scores"])) for row in rows] == [
        (1, "Aces", ["main"]),
        (2, "Rivals", ["main"]),
        (None, "NIQE", ["main"]),
    ]
    assert answers["/c/iqa/development/leaderboard.csv?exact=1"] == answers["/c/iqa/development/leaderboard.csv"]


def test_organisers_see_the_same_board_and_the_exact_one_on_request(ladder, client):
    world, (moved, unmoved, *_), _ = ladder
    answers = fetch(ladder, client, "organiser")
    main = moved.evaluations.get().result["main"]
    for address in ("/c/iqa/development/leaderboard/{}", "/c/iqa/development/leaderboard/table/{}"):
        assert f"{main:.4f}" not in answers[address.format("")]
        assert f"{main:.4f}" in answers[address.format("?exact=1")]
    assert f"{main!r}" in answers["/c/iqa/development/leaderboard.csv?exact=1"]
    address = f"/api/v1/phases/{world.development.pk}/leaderboard"
    assert main not in [row["scores"]["main"] for row in json.loads(answers[address])]
    assert main in [row["scores"]["main"] for row in json.loads(answers[f"{address}?exact=true"])]
    page = answers[f"/submissions/{unmoved.pk}/"]
    assert f"{unmoved.evaluations.get().result['krocc']:.4f}" in page
    assert "For organisers" in page


def test_the_exact_table_is_never_kept_by_a_shared_cache(ladder, client):
    world, *_ = ladder
    address = "/c/iqa/development/leaderboard/table/"
    assert client.get(address)["Cache-Control"] == "public, no-cache"
    client.force_login(world.organiser)
    exact = client.get(f"{address}?exact=1")
    assert exact["Cache-Control"] == "private, no-cache"
    assert exact["ETag"] != client.get(address)["ETag"]


def test_a_page_waits_for_its_release(ladder, client):
    world, *_ = ladder
    submission = world.scored(noise=0.1)
    Analysis.objects.filter(state="waiting").update(resamples=100)
    client.force_login(world.alice)
    text = client.get(submission.get_absolute_url()).content.decode()
    assert "is being worked out" in text
    assert "hx-get" in text
    analyse(submission.evaluations.get().pk)
    release(submission.evaluations.get().pk)
    text = client.get(submission.get_absolute_url()).content.decode()
    assert "better than the score shown before" in text
    assert "hx-get" not in text


def test_back_to_plain_shows_everything(ladder, client):
    world, (moved, *_), _ = ladder
    world.development.release_rule = "plain"
    world.development.full_clean()
    world.development.save()
    answers = fetch(ladder, client, "mallory")
    assert f"{moved.evaluations.get().result['main']:.4f}" in answers["/c/iqa/development/leaderboard/"]
