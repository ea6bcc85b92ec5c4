"""Markdown, health, headers, CSV cells."""

import pytest
from django.db import DatabaseError, connection

from challenge.core.export import safe_cell
from challenge.core.markdown import render


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "![x](data:text/html;base64,xx)",
        '<a href="x" style="position:fixed">y</a>',
    ],
)
def test_markdown_of_organisers_cannot_run_anything(text):
    html = render(text)
    assert "<script" not in html
    assert "<img src=x" not in html
    assert 'href="javascript' not in html
    assert "data:text" not in html or "<img" not in html
    assert "style=" not in html.replace("&quot;", "") or "&lt;a" in html


def test_markdown_does_what_people_expect():
    html = render("# A\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[x](https://example.org) **b**")
    assert "<h1>A</h1>" in html
    assert "<table>" in html
    assert 'rel="noopener noreferrer nofollow"' in html


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_cells_that_a_spreadsheet_would_run_are_quoted(cell):
    assert safe_cell(cell) == f"'{cell}"


def test_numbers_and_plain_text_stay_as_they_are():
    assert safe_cell(-0.5) == -0.5
    assert safe_cell("plain") == "plain"


def test_health_is_200_and_503_without_a_database(client, db, monkeypatch):
    assert client.get("/healthz").json() == {"status": "ok"}

    def fail(*_args, **_kwargs):
        raise DatabaseError

    with monkeypatch.context() as broken:
        broken.setattr(connection, "cursor", fail)
        assert client.get("/healthz").status_code == 503


def test_every_answer_has_a_strict_policy_and_a_request_id(client, db):
    for path in ("/", "/accounts/login/", "/nowhere/", "/api/v1/challenges"):
        response = client.get(path)
        policy = response["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response["X-Content-Type-Options"] == "nosniff"
        assert len(response["X-Request-ID"]) == 32


@pytest.mark.parametrize("charset", ["base64", "rot13", "utf-16", "unicode_escape", "nonsense"])
def test_a_form_in_another_encoding_is_400(client, db, charset):
    content_type = f"application/x-www-form-urlencoded; charset={charset}"
    assert client.generic("POST", "/accounts/login/", b"login=x", content_type=content_type).status_code == 400


def test_a_file_that_is_gone_is_404(world, client):
    submission = world.submit()
    submission.file.storage.delete(submission.file.name)
    client.force_login(world.alice)
    assert client.get(f"/submissions/{submission.pk}/file/").status_code == 404
