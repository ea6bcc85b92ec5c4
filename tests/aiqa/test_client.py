"""The line to a site: what is tried again and what is not, where a token goes, how lists are read to their end."""

import socket

import pytest

from aiqa.client import Client
from aiqa.errors import NetworkFailed, Refused, WrongUsage
from tests.aiqa.scripted import Reply, problem


@pytest.fixture
def client(site, pauses):
    return Client(site.url, "iqa_secret", retries=3, timeout=5)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_overloaded_server_is_asked_again_when_it_says(site, client, pauses, status):
    site.replies = [problem(status, "rate_limited", Retry_After="7"), Reply(body={"ok": True})]
    assert client.get("/token") == {"ok": True}
    assert pauses == [7]


def test_pauses_grow_and_tries_end(site, client, pauses):
    site.replies = [Reply(503)]
    with pytest.raises(NetworkFailed):
        client.get("/token")
    assert len(site.asked) == 4
    assert pauses == sorted(pauses)
    assert pauses[-1] > 2 * pauses[0]


def test_a_pause_is_a_minute_at_most(site, client, pauses):
    site.replies = [problem(429, "rate_limited", Retry_After="86400"), Reply(body={})]
    client.get("/token")
    assert pauses == [60]


@pytest.mark.parametrize(
    "reply", [problem(429, "quota_spent"), problem(404, "not_found"), problem(500, "internal_error")]
)
def test_a_refusal_is_final(site, client, reply):
    site.replies = [reply]
    with pytest.raises(Refused) as refused:
        client.get("/token")
    assert refused.value.code == reply.body["code"]
    assert len(site.asked) == 1


def test_an_answer_that_breaks_off_is_asked_for_again(site, client):
    site.replies = [Reply(body={"a": 1}, drop=3), Reply(body={"a": 1})]
    assert client.get("/token") == {"a": 1}


def test_nobody_listens(pauses):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(NetworkFailed, match="refused"):
        Client(f"http://127.0.0.1:{port}", retries=1).get("/token")


def test_a_token_does_not_follow_a_redirect(site, client):
    site.replies = [Reply(301, headers={"Location": "https://elsewhere.example/"})]
    with pytest.raises(WrongUsage) as refused:
        client.get("/token")
    assert "elsewhere" in str(refused.value)
    assert len(site.asked) == 1


def test_lists_are_read_to_their_end_on_the_same_site(site, client):
    site.replies = [
        Reply(body=[1, 2], headers={"Link": '</api/v1/challenges?offset=2>; rel="next"'}),
        Reply(body=[3], headers={"Link": '<//elsewhere.example/more>; rel="next"'}),
    ]
    assert client.every("/challenges") == [1, 2, 3]
    assert [path for _, path, *_ in site.asked] == ["/api/v1/challenges", "/api/v1/challenges?offset=2"]


def test_what_is_no_challenge_server_is_said_so(site, client):
    site.replies = [Reply(body=b"<html>welcome</html>")]
    with pytest.raises(Refused, match="not JSON"):
        client.get("/challenges")


def test_a_proxy_of_the_environment_is_asked_for_the_whole_address(site, pauses, monkeypatch):
    monkeypatch.setenv("http_proxy", site.url)
    monkeypatch.setenv("no_proxy", "")
    site.replies = [Reply(body={})]
    Client("http://iqa.example/sub", retries=0).get("/token")
    assert site.asked[0][1] == "http://iqa.example/sub/api/v1/token"
