"""The API's submission road: the same service as the page, problem+json errors, scopes, idempotency."""

import pytest

from challenge.submissions.models import Submission
from challenge.submissions.scoring_run import score
from tests.factories import prediction_csv, upload


def submissions_url(phase) -> str:
    return f"/api/v1/phases/{phase.pk}/submissions"


def post(client, phase, headers, content=None, **fields):
    data = {"file": upload(content or prediction_csv()), **fields}
    return client.post(submissions_url(phase), data, headers=headers)


def test_it_works(world, client, bearer):
    headers = bearer(world.alice)
    made = post(client, world.development, headers, method_name="mine", runtime_s="0.1", device="gpu")
    assert made.status_code == 201
    body = made.json()
    assert (body["status"], body["scores"], body["method_name"]) == ("queued", None, "mine")
    score(body["id"])
    read = client.get(f"/api/v1/submissions/{body['id']}", headers=bearer(world.bob)).json()
    assert read["status"] == "scored"
    assert read["scores"]["main"] == read["evaluation"]["main"]
    board = client.get(f"/api/v1/phases/{world.development.pk}/leaderboard").json()
    assert [(row["rank"], row["name"]) for row in board] == [(1, "Aces")]
    listed = client.get(submissions_url(world.development), headers=headers).json()
    assert [row["id"] for row in listed] == [body["id"]]


def test_an_invalid_file_is_a_problem_with_every_line(world, client, bearer):
    answer = post(client, world.development, bearer(world.alice), prediction_csv(img_002="x", img_005="nan"))
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == "invalid_file"
    assert [problem["line"] for problem in body["report"]["problems"]] == [3, 6]
    assert not Submission.objects.exists()


def test_a_dry_run_tells_the_same_and_costs_nothing(world, client, bearer):
    url = f"/api/v1/phases/{world.development.pk}/validate"
    bad = client.post(url, {"file": upload(prediction_csv(img_002="x"))}, headers=bearer(world.alice)).json()
    assert not bad["ok"]
    assert bad["problems"][0]["line"] == 3
    good = client.post(url, {"file": upload(prediction_csv())}, headers=bearer(world.alice)).json()
    assert good["ok"]
    assert not Submission.objects.exists()


def test_an_idempotency_key_makes_a_retry_safe(world, client, bearer):
    """EvalAI #3932 (no way to go on), Hugging Face competitions #38 (one id, pending for ever)."""
    headers = {**bearer(world.alice), "idempotency-key": "abc"}
    first, second = post(client, world.development, headers), post(client, world.development, headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert [answer.headers.get("Idempotent-Replayed") for answer in (first, second)] == [None, "true"]


def test_a_spent_quota_is_429_with_the_time_of_the_next_slot(world, client, bearer):
    world.development.daily_quota = 1
    world.development.save()
    headers = bearer(world.alice)
    post(client, world.development, headers)
    answer = post(client, world.development, headers)
    assert answer.status_code == 429
    assert "00:00 UTC" in answer.json()["detail"]
    quota = client.get(f"/api/v1/phases/{world.development.pk}/quota", headers=headers).json()
    assert (quota["remaining"], quota["daily_used"]) == (0, 1)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer iqa_wrong"}, {"authorization": "Basic eDp5"}])
def test_without_a_valid_token_it_is_401(world, client, headers):
    answer = post(client, world.development, headers)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_token_does_only_what_its_scopes_say(world, client, bearer):
    assert post(client, world.development, bearer(world.alice, ["read"])).status_code == 401
    assert client.get(submissions_url(world.development), headers=bearer(world.alice, ["submit"])).status_code == 401


def test_a_wrong_token_on_a_public_page_is_refused_rather_than_ignored(world, client):
    url = f"/api/v1/phases/{world.development.pk}/leaderboard"
    assert client.get(url, headers={"authorization": "Bearer iqa_wrong"}).status_code == 401


def test_a_session_cookie_is_no_way_in(world, client):
    client.force_login(world.alice)
    assert post(client, world.development, {}).status_code == 401


def test_other_peoples_submissions_do_not_exist(world, client, bearer):
    submission = world.scored()
    url = f"/api/v1/submissions/{submission.pk}"
    for user in (world.mallory, world.outsider, world.other_organiser):
        assert client.get(url, headers=bearer(user)).status_code == 404
    for user in (world.alice, world.bob, world.organiser, world.admin):
        assert client.get(url, headers=bearer(user)).status_code == 200


def test_an_unpublished_challenge_does_not_exist(world, client, bearer):
    world.challenge.is_published = False
    world.challenge.save()
    assert client.get("/api/v1/challenges/iqa").status_code == 404
    assert client.get("/api/v1/challenges/iqa", headers=bearer(world.organiser)).status_code == 200
    assert post(client, world.development, bearer(world.outsider)).status_code == 404


@pytest.mark.parametrize(
    ("fields", "status"), [({"runtime_s": "-1"}, 422), ({"runtime_s": "nan"}, 422), ({"device": "abacus"}, 422)]
)
def test_bad_method_fields_are_422(world, client, bearer, fields, status):
    assert post(client, world.development, bearer(world.alice), **fields).status_code == status


def test_a_missing_file_is_422_not_500(world, client, bearer):
    answer = client.post(submissions_url(world.development), {}, headers=bearer(world.alice))
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_input"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"nonsense", "multipart/form-data", 400),
        (b"nonsense", "multipart/form-data; boundary=\xff", 400),
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x", 422),
        (b"a=" + b"1" * 3_000_000, "application/x-www-form-urlencoded", 413),
        (b"&".join(b"f%d=1" % n for n in range(1100)), "application/x-www-form-urlencoded", 400),
        (b"x", "multipart/form-data; boundary=x; charset=base64", 400),
    ],
)
def test_a_malformed_body_is_never_a_500(world, client, bearer, body, content_type, status):
    url = submissions_url(world.development)
    answer = client.generic("POST", url, body, content_type=content_type, headers=bearer(world.alice))
    assert answer.status_code == status


def test_the_number_of_queries_of_a_list_does_not_grow(world, client, bearer, django_assert_max_num_queries):
    for seed in range(4):
        world.scored(seed=seed)
    headers = bearer(world.alice)
    with django_assert_max_num_queries(6):
        assert len(client.get(submissions_url(world.development), headers=headers).json()) == 4
    client.force_login(world.alice)
    with django_assert_max_num_queries(20):
        client.get("/c/iqa/submissions/")
