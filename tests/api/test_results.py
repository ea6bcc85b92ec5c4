"""What a participant's script reads and does after a submission: history, scores, withdrawing, choosing, the team."""

import datetime

import pytest
from django.utils import timezone

from challenge.analyses.analysis_run import analyse
from challenge.contests.models import Phase
from challenge.submissions.models import Submission


def url(submission, what: str = "") -> str:
    return f"/api/v1/submissions/{submission.pk}{what}"


def test_a_token_tells_whose_it_is_and_what_it_may_do(world, client, bearer):
    said = client.get("/api/v1/token", headers=bearer(world.alice, ["submit"])).json()
    assert said == {"username": "alice", "name": "t", "scopes": ["submit"], "expires_at": None}


def test_a_refusal_names_the_scope_that_is_missing(world, client, bearer):
    answer = client.get(f"/api/v1/phases/{world.development.pk}/quota", headers=bearer(world.alice, ["submit"]))
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert "«read»" in answer.json()["detail"]


def test_phases_are_there_one_by_one_and_in_their_order(world, client):
    listed = client.get("/api/v1/challenges/iqa/phases").json()
    assert [(row["challenge"], row["slug"]) for row in listed] == [("iqa", "development"), ("iqa", "final")]
    assert client.get(f"/api/v1/phases/{world.final.pk}").json() == listed[1]


def test_the_history_of_a_submission_says_who_and_why(world, client, bearer):
    events = client.get(url(world.scored(), "/events"), headers=bearer(world.bob)).json()
    assert [event["to_status"] for event in events] == ["received", "queued", "scoring", "scored"]
    assert (events[0]["actor"], events[0]["reason"], events[-1]["actor"]) == ("alice", "file accepted", None)


def test_scores_come_with_their_intervals_once_they_are_analysed(world, client, bearer):
    submission = world.scored()
    [before] = client.get(url(submission, "/scores"), headers=bearer(world.alice)).json()
    assert before["intervals"] == {}
    analyse(submission.evaluations.get().pk)
    [row] = client.get(url(submission, "/scores"), headers=bearer(world.alice)).json()
    read = client.get(url(submission), headers=bearer(world.alice)).json()
    assert row["is_current"]
    assert row["scores"] == read["scores"]
    assert row["intervals"] == read["evaluation"]["intervals"]
    low, high = row["intervals"]["main"]
    assert low < row["scores"]["main"] < high


def test_a_blind_phase_tells_its_scores_to_organisers_only(world, client, bearer):
    submission = world.scored(phase=world.final)
    assert client.get(url(submission, "/scores"), headers=bearer(world.alice)).json() == []
    assert len(client.get(url(submission, "/scores"), headers=bearer(world.organiser)).json()) == 1


def test_a_submission_is_withdrawn_once_and_again_is_no_error(world, client, bearer):
    submission = world.submit()
    for _ in range(2):
        answer = client.post(url(submission, "/withdraw"), headers=bearer(world.bob))
        assert (answer.status_code, answer.json()["status"]) == (200, "withdrawn")
    assert Submission.objects.get().phase_slot is None
    late = client.post(url(world.scored(), "/withdraw"), headers=bearer(world.bob))
    assert (late.status_code, late.json()["code"]) == (409, "already_final")


def test_a_choice_follows_the_rules_of_the_page(world, client, bearer):
    first, second = world.scored(phase=world.final), world.scored(phase=world.final, seed=2)
    chosen = client.post(url(first, "/choose"), headers=bearer(world.alice)).json()
    assert (chosen["is_chosen"], chosen["scores"]) == (True, None)
    client.post(url(second, "/choose"), headers=bearer(world.alice))
    assert Submission.objects.get(is_chosen=True) == second

    def refusal(submission) -> str:
        answer = client.post(url(submission, "/choose"), headers=bearer(world.alice))
        assert answer.status_code == 409
        return str(answer.json()["code"])

    assert refusal(world.scored()) == "no_choice"
    assert refusal(world.submit(phase=world.final, seed=3)) == "not_choosable"
    Phase.objects.filter(pk=world.final.pk).update(choice_until=timezone.now() - datetime.timedelta(hours=1))
    assert refusal(first) == "no_choice"


def test_the_file_comes_back_in_parts(world, client, bearer):
    submission = world.submit()
    answer = client.get(url(submission, "/file"), headers={**bearer(world.bob), "Range": "bytes=0-2"})
    assert (answer.status_code, b"".join(answer.streaming_content)) == (206, b"img")


def test_a_team_and_its_members(world, client, bearer):
    said = client.get("/api/v1/challenges/iqa/team", headers=bearer(world.bob)).json()
    assert (said["name"], said["places_left"], said["owes_consent"]) == ("Aces", 4, False)
    assert said["members"] == [
        {"username": "alice", "status": "accepted", "is_leader": True},
        {"username": "bob", "status": "accepted", "is_leader": False},
    ]
    refused = client.get("/api/v1/challenges/iqa/team", headers=bearer(world.outsider))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_registered")


def test_a_list_is_read_in_parts_by_its_links(world, client, bearer):
    made = [str(world.submit(seed=seed).pk) for seed in range(5)]
    headers, found = bearer(world.alice), []
    address = f"/api/v1/phases/{world.development.pk}/submissions?limit=2&status=queued"
    while address:
        answer = client.get(address, headers=headers)
        found += [row["id"] for row in answer.json()]
        link = answer.headers.get("Link", "")
        address = link.partition(">")[0].removeprefix("<")
    assert found == made[::-1]


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "offset=-1", "limit=x", "status=nowhere"])
def test_a_wrong_part_of_a_list_is_422(world, client, bearer, query):
    address = f"/api/v1/phases/{world.development.pk}/submissions?{query}"
    assert client.get(address, headers=bearer(world.alice)).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("get", "/api/v1/nowhere", {}, 404, "not_found"),
        ("delete", "/api/v1/challenges", {}, 405, "method_not_allowed"),
        (
            "post",
            "/api/v1/token",
            {"data": b"x", "content_type": "text/plain; charset=cp037"},
            400,
            "malformed_request",
        ),
    ],
)
def test_what_no_operation_answers_is_a_problem_document_too(client, db, method, path, options, status, code):
    answer = getattr(client, method)(path, **options)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == code
    assert answer.headers.get("Allow") == ("GET" if status == 405 else None)


def test_a_range_behind_the_end_is_a_problem_that_says_how_long_the_file_is(world, client, bearer):
    submission = world.submit()
    answer = client.get(url(submission, "/file"), headers={**bearer(world.alice), "Range": "bytes=999999-"})
    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer["Content-Range"] == f"bytes */{submission.file_size}"


def test_pages_keep_their_own_answers(client, db):
    assert client.get("/nowhere/")["Content-Type"].startswith("text/html")
