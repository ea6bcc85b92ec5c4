"""Rate limits: counted for each user and each address, told to people and to programs, never fatal."""

import time
from contextlib import suppress

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from challenge.accounts.services import create_token
from challenge.core.limits import address_of, seconds_to_wait
from challenge.core.rates import Rate, parse_rates
from tests.factories import prediction_csv, upload


@pytest.fixture
def limit(settings, monkeypatch):
    """Sets the limit of an action; the clock stands at the beginning of a window."""
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)

    def set_limit(action: str, text: str) -> None:
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, action: parse_rates(text)}

    return set_limit


def request_from(address: str, **headers):
    return RequestFactory().post("/", REMOTE_ADDR=address, **headers)


def test_rates_are_read_from_text():
    assert parse_rates("30/m/user, 120/10m/ip") == (Rate(30, 60, "user"), Rate(120, 600, "ip"))
    assert parse_rates("") == ()


@given(st.text(max_size=20))
def test_no_text_makes_a_limit_that_lets_nobody_in(text):
    with suppress(ImproperlyConfigured):
        assert all(rate.count > 0 and rate.seconds > 0 for rate in parse_rates(text))


@pytest.mark.parametrize("text", ["30", "0/m/ip", "5/m", "5/m/key", "x/m/ip", "5/0m/ip", "-1/m/ip"])
def test_these_are_no_rates(text):
    with pytest.raises(ImproperlyConfigured):
        parse_rates(text)


def test_each_user_and_each_address_has_a_count_of_its_own(world, limit):
    limit("upload", "2/m/user,3/m/ip")
    one, other = request_from("192.0.2.1"), request_from("192.0.2.2")
    assert [seconds_to_wait("upload", one, world.alice) for _ in range(3)] == [0, 0, 61]
    assert seconds_to_wait("upload", one, world.bob) == 61  # the fourth from this address
    assert seconds_to_wait("upload", other, world.bob) == 0
    assert seconds_to_wait("upload", other, AnonymousUser()) == 0


def test_the_next_window_begins_anew(limit, monkeypatch):
    limit("upload", "1/m/ip")
    request = request_from("192.0.2.1")
    assert [seconds_to_wait("upload", request) for _ in range(2)] == [0, 61]
    monkeypatch.setattr(time, "time", lambda: 1_800_000_061.0)
    assert seconds_to_wait("upload", request) == 0


def test_an_ipv6_customer_is_one_network():
    assert address_of(request_from("2001:db8::1")) == address_of(request_from("2001:db8::ffff"))
    assert address_of(request_from("2001:db8::1")) != address_of(request_from("2001:db8:0:1::1"))


def test_a_forged_header_does_not_change_the_address(settings):
    forged = {"HTTP_X_FORWARDED_FOR": "203.0.113.9"}
    assert address_of(request_from("192.0.2.1", **forged)) == "192.0.2.1"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert address_of(request_from("10.0.0.1", HTTP_X_FORWARDED_FOR="forged, 192.0.2.7")) == "192.0.2.7"


def test_a_dead_cache_keeps_nobody_out(limit, monkeypatch):
    limit("upload", "1/m/ip")
    monkeypatch.setattr(cache, "add", lambda *_args, **_kwargs: True)  # what challenge.core.cache answers then
    monkeypatch.setattr(cache, "incr", lambda *_args, **_kwargs: 1)
    assert [seconds_to_wait("upload", request_from("192.0.2.1")) for _ in range(3)] == [0, 0, 0]


def test_the_submit_page_says_when_to_come_back_and_counts_nothing(world, client, limit):
    """EvalAI #4348: files that fail can be sent without end."""
    limit("upload", "1/m/user")
    client.force_login(world.alice)
    url = "/c/iqa/development/validate/"
    assert client.post(url, {"file": upload(prediction_csv())}).status_code == 200
    refused = client.post("/c/iqa/development/submit/", {"file": upload(prediction_csv())})
    assert (refused.status_code, refused["Retry-After"]) == (429, "61")
    assert "61 seconds" in refused.content.decode()
    assert client.get("/c/iqa/development/submit/").status_code == 200
    assert not world.team.submissions.exists()


def test_the_api_answers_with_a_problem_document(world, client, limit):
    limit("api", "1/m/user")
    headers = {"authorization": f"Bearer {create_token(user=world.alice, name='t', scopes=['read', 'submit'])[1]}"}
    url = f"/api/v1/phases/{world.development.pk}/quota"
    assert client.get(url, headers=headers).status_code == 200
    refused = client.get(url, headers=headers)
    assert (refused.status_code, refused["Retry-After"]) == (429, "61")
    assert refused["Content-Type"] == "application/problem+json"
    body = refused.json()
    assert (body["code"], body["title"]) == ("rate_limited", "Too many requests")


def test_uploads_by_the_api_have_the_limit_of_uploads(world, client, limit):
    limit("upload", "1/m/user")
    headers = {"authorization": f"Bearer {create_token(user=world.alice, name='t', scopes=['submit'])[1]}"}
    urls = [f"/api/v1/phases/{world.development.pk}/{what}" for what in ("validate", "submissions")]
    statuses = [client.post(url, {"file": upload(prediction_csv())}, headers=headers).status_code for url in urls]
    assert statuses == [200, 429]
