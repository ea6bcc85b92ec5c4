"""Sending private files: parts of them, conditions, names. RFC 9110, sections 13 and 14."""

import datetime
import tracemalloc
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.http import Http404
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from challenge.core.downloads import RangeNotSatisfiable, StoredFile, byte_range, safe_file_name, send_file
from challenge.core.storage import PrivateStorage

pytestmark = pytest.mark.django_db  # closing a response closes old connections
CONTENT = b"0123456789"
MODIFIED = datetime.datetime(2027, 1, 31, 12, 0, 0, 250_000, tzinfo=datetime.UTC)
AS_HTTP = "Sun, 31 Jan 2027 12:00:00 GMT"


def stored(folder, content=CONTENT, name="data.csv"):
    storage = PrivateStorage(folder)
    path = storage.save("file", ContentFile(content))
    return StoredFile(storage, path, name, len(content), "abc", MODIFIED)


@pytest.fixture
def file(tmp_path):
    return stored(tmp_path)


def get(file, method="get", **headers) -> tuple[Any, bytes]:
    request = getattr(RequestFactory(), method)("/", headers={key.replace("_", "-"): v for key, v in headers.items()})
    response: Any = send_file(request, file)
    body = b"".join(response.streaming_content) if response.streaming else response.content
    response.close()
    return response, body


def test_a_whole_file_comes_with_what_a_client_needs_to_go_on_later(file):
    response, body = get(file)
    assert (response.status_code, body) == (200, CONTENT)
    assert {name: response[name] for name in ("ETag", "Last-Modified", "Accept-Ranges", "Content-Length")} == {
        "ETag": '"abc"',
        "Last-Modified": AS_HTTP,
        "Accept-Ranges": "bytes",
        "Content-Length": "10",
    }


@pytest.mark.parametrize(
    ("asked", "sent", "told"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=4-", b"456789", "bytes 4-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("bytes=0-", CONTENT, "bytes 0-9/10"),
        ("bytes=-99", CONTENT, "bytes 0-9/10"),
        ("BYTES=9-9", b"9", "bytes 9-9/10"),
    ],
)
def test_a_part_is_sent_as_it_was_asked_for(file, asked, sent, told):
    response, body = get(file, Range=asked)
    assert (response.status_code, body, response["Content-Range"]) == (206, sent, told)
    assert response["Content-Length"] == str(len(sent))
    assert response["ETag"] == '"abc"'


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,4-5", "bytes=3-1", "bytes=-", "bytes=a-b", "lines=0-3", "bytes=٣-٤", f"bytes={'9' * 5000}-", "0-3"],
)
def test_what_is_no_single_part_gets_the_whole_file(file, asked):
    response, body = get(file, Range=asked)
    assert (response.status_code, body) == (200, CONTENT)
    assert "Content-Range" not in response


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=999-1000", "bytes=-0"])
@pytest.mark.parametrize("prefix", ["", "/_private/"])
def test_a_part_behind_the_end_is_refused(file, settings, asked, prefix):
    settings.X_ACCEL_PREFIX = prefix
    response, body = get(file, Range=asked)
    assert (response.status_code, body, response["Content-Range"]) == (416, b"", "bytes */10")
    assert "X-Accel-Redirect" not in response


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ('"abc"', 206),
        (AS_HTTP, 206),
        ('"other"', 200),
        ('W/"abc"', 200),
        ("Sun, 31 Jan 2027 12:00:01 GMT", 200),
        ("x", 200),
    ],
)
def test_a_download_goes_on_only_with_the_same_bytes(file, condition, status):
    response, body = get(file, Range="bytes=4-", If_Range=condition)
    assert (response.status_code, body) == (status, CONTENT[4:] if status == 206 else CONTENT)


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("If-None-Match", '"abc"', 304),
        ("If-None-Match", '"other"', 200),
        ("If-Modified-Since", AS_HTTP, 304),
        ("If-Match", '"other"', 412),
        ("If-Match", '"abc"', 200),
    ],
)
def test_conditions_hold_with_and_without_nginx(file, settings, header, value, status):
    for prefix in ("", "/_private/"):
        settings.X_ACCEL_PREFIX = prefix
        response, body = get(file, **{header: value})
        assert response.status_code == status
        assert ("X-Accel-Redirect" in response) == (status == 200 and bool(prefix))
        assert body == (CONTENT if status == 200 and not prefix else b"")


def test_a_head_tells_the_whole_length_whatever_part_it_names(file):
    response, _ = get(file, "head", Range="bytes=4-")
    assert (response.status_code, response["Content-Length"], response["ETag"]) == (200, "10", '"abc"')


def test_a_missing_file_is_not_found(file):
    file.storage.delete(file.path)
    with pytest.raises(Http404):
        get(file)


@given(
    first=st.integers(0, 12) | st.none(),
    last=st.integers(0, 12) | st.none(),
    size=st.integers(1, 10),
)
def test_any_part_is_that_of_the_bytes(first, last, size):
    """Against the definition: positions first..last, or the last `last` bytes."""
    file = StoredFile(PrivateStorage("/nowhere"), "x", "x", size, "abc", MODIFIED)
    text = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    wanted = set(range(size))
    if first is not None and not (last is not None and last < first):
        wanted = {i for i in wanted if i >= first and (last is None or i <= last)}
    elif first is None and last is not None:
        wanted = {i for i in wanted if i >= size - last}
    request = RequestFactory().get("/", headers={"Range": text})
    if wanted:
        part = byte_range(request, file)
        assert set(range(size) if part is None else part) == wanted
    else:
        with pytest.raises(RangeNotSatisfiable):
            byte_range(request, file)


def test_a_large_part_takes_little_memory(tmp_path):
    content = bytes(20_000_000)
    file = stored(tmp_path, content)
    response: Any = send_file(RequestFactory().get("/", headers={"Range": "bytes=1-"}), file)
    tracemalloc.start()
    sent = sum(len(chunk) for chunk in response.streaming_content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    response.close()
    assert sent == len(content) - 1
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("train.csv", "train.csv"),
        ("träin (1).csv", "träin (1).csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\x.csv", "x.csv"),
        ("a\r\nSet-Cookie: b.csv", "aSet-Cookie: b.csv"),
        ("gnp\u202evsc.exe", "gnpvsc.exe"),
        ("..", "download"),
        ("", "download"),
    ],
)
def test_names_are_those_of_a_file_in_the_folder_of_downloads(tmp_path, name, safe):
    assert safe_file_name(name) == safe
    disposition = get(stored(tmp_path, name=name))[0]["Content-Disposition"]
    assert disposition.startswith("attachment")
    assert "\n" not in disposition


def test_a_quote_does_not_end_the_name(tmp_path):
    disposition = get(stored(tmp_path, name='a";filename="b'))[0]["Content-Disposition"]
    assert disposition == 'attachment; filename="a\\";filename=\\"b"'
