"""When a request began: now, or as long before as nginx says it took to arrive."""

import datetime
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from challenge.core.middleware import RequestContextMiddleware

NOW = datetime.datetime(2026, 5, 1, 12, 0, 0, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def _noon(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def seconds_before_now(**headers: str) -> float:
    seen: list[Any] = []

    def answer(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    RequestContextMiddleware(answer)(RequestFactory().post("/", headers=headers))
    took: datetime.timedelta = NOW - seen[0].began_at
    return took.total_seconds()


def seconds_with(header: str) -> float:
    return seconds_before_now(**{"X-Request-Time": header})


def test_what_a_client_says_counts_for_nothing_unless_a_proxy_is_trusted(settings):
    assert settings.TRUST_REQUEST_TIME_HEADER is False
    assert seconds_with("600.000") == 0


@pytest.mark.parametrize(("header", "seconds"), [("0.000", 0), ("1.503", 1.503), ("12", 12), ("899.999", 899.999)])
def test_an_upload_began_as_long_ago_as_it_took(settings, header, seconds):
    settings.TRUST_REQUEST_TIME_HEADER = True
    assert seconds_with(header) == pytest.approx(seconds)


@pytest.mark.parametrize("header", ["900.001", "86400.000", "99999999.999"])
def test_holding_an_upload_open_longer_than_accepted_buys_nothing(settings, header):
    settings.TRUST_REQUEST_TIME_HEADER = True
    assert settings.MAX_UPLOAD_SECONDS == 900
    assert seconds_with(header) == 900
    settings.MAX_UPLOAD_SECONDS = 60
    assert seconds_with(header) == 60


@pytest.mark.parametrize(
    "header",
    ["", "-5", "-0.5", "nan", "inf", "-inf", "Infinity", "1e3", "1_0", "0x10", "5s", "5, 600", "٣", ".", "9" * 400],
)
def test_what_nginx_never_writes_is_ignored(settings, header):
    settings.TRUST_REQUEST_TIME_HEADER = True
    assert seconds_with(header) == 0


def test_without_the_header_a_request_begins_when_it_gets_here(settings):
    settings.TRUST_REQUEST_TIME_HEADER = True
    assert seconds_before_now() == 0


def test_every_answer_carries_the_id_of_its_request():
    def ask() -> str:
        request = RequestFactory().get("/")
        return RequestContextMiddleware(lambda _: HttpResponse())(request)["X-Request-ID"]

    assert ask() != ask()
