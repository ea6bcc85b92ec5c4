"""nginx with the real configuration in front of a stand-in site: what it passes on, when, and what it keeps back."""

import http.client
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, NamedTuple

import pytest

from tests.docker.nginx import lay_out
from tests.servers import free_port, running

MODIFIED = "Sun, 31 Jan 2027 12:00:00 GMT"
HASHED = "site.0123456789ab.css"


class Site(BaseHTTPRequestHandler):
    """Notes when a request's head arrives, before its body; /download/ hands a private file to nginx."""

    arrivals: ClassVar[dict[str, float]] = {}
    heads: ClassVar[dict[str, Message]] = {}

    def do_GET(self) -> None:
        self.answer()

    do_HEAD = do_POST = do_GET

    def answer(self) -> None:
        self.arrivals[self.path] = time.monotonic()
        self.heads[self.path] = self.headers
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        if self.path == "/download/":
            self.send_header("X-Accel-Redirect", "/_private/data/file.csv")
            self.send_header("ETag", '"checksum"')
            self.send_header("Last-Modified", MODIFIED)
            self.send_header("Content-Disposition", 'attachment; filename="f.csv"')
        if self.path == "/rate/images/one.png":
            self.send_header("X-Accel-Redirect", "/_private/study-images/one.png")
            self.send_header("Content-Type", "image/png")
            self.send_header("Cache-Control", "private, max-age=31536000, immutable")
        self.send_header("Content-Length", "2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


class Proxy(NamedTuple):
    port: int
    bodies: Path


@pytest.fixture(scope="module")
def proxy(tmp_path_factory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    for path, content in (
        ("challenge/private/data/file.csv", "name,score\n"),
        ("challenge/private/study-images/one.png", "pixels"),
        (f"static/{HASHED}", "p{}"),
        ("static/site.css", "p{}"),
    ):
        (folder / "srv" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "srv" / path).write_text(content)
    port = free_port()
    site = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    try:
        command = lay_out(
            folder,
            "plain",
            [
                ("server web:8000 resolve", f"server 127.0.0.1:{site.server_address[1]}"),
                ("listen 8080", f"listen 127.0.0.1:{port}"),
                ("listen 8081", f"listen 127.0.0.1:{free_port()}"),
            ],
        )
        # As root nginx would hand the work to `nobody`, who may not enter this folder.
        command += ["-g", "daemon off;" + (" user root;" if os.getuid() == 0 else "")]
        with running(command, folder / "log", lambda: listening(port), stop=signal.SIGTERM):
            yield Proxy(port, folder / "srv" / "bodies" / "client_body")
    finally:
        site.shutdown()
        thread.join()
        site.server_close()


def listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def get(proxy: Proxy, path: str, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def begin_upload(proxy: Proxy, path: str, *headers: str) -> socket.socket:
    """A connection that has sent the head and half of the body."""
    client = socket.create_connection(("127.0.0.1", proxy.port), 10)
    head = [f"POST {path} HTTP/1.1", "Host: challenge.example", "Content-Length: 4", *headers]
    client.sendall("\r\n".join([*head, "", "na"]).encode())
    return client


def test_a_slow_body_reaches_the_site_when_complete_with_the_time_it_took(proxy):
    paths = [
        *("/c/demo/final/submit/?slow", "/c/demo/final/validate/?slow", "/api/v1/phases/7/submissions?slow"),
        *("/account/?slow", "/accounts/login/?slow", "/admin/login/?slow"),
    ]
    began = time.monotonic()
    with ExitStack() as stack:
        clients = [stack.enter_context(begin_upload(proxy, path)) for path in paths]
        time.sleep(1.5)
        assert not set(paths) & set(Site.arrivals)  # the site has heard nothing yet: no thread is held
        complete = time.monotonic()
        for client in clients:
            client.sendall(b"me")
        for client in clients:
            assert client.recv(100).startswith(b"HTTP/1.1 200")
    took = time.monotonic() - began
    for path in paths:
        assert Site.arrivals[path] >= complete, path
        [told] = Site.heads[path].get_all("X-Request-Time")
        assert 1.45 <= float(told) <= took + 0.05, path


def test_an_upload_of_unknown_length_is_timed_too(proxy):
    with socket.create_connection(("127.0.0.1", proxy.port), 10) as client:
        head = b"POST /c/demo/chunked/submit/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.sendall(head + b"2\r\nna\r\n")
        time.sleep(0.6)
        assert "/c/demo/chunked/submit/" not in Site.arrivals
        client.sendall(b"2\r\nme\r\n0\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200")
    assert float(Site.heads["/c/demo/chunked/submit/"]["X-Request-Time"]) >= 0.55


def test_a_large_body_waits_on_disk_and_leaves_nothing_there(proxy):
    half = b"x" * 500_000
    with socket.create_connection(("127.0.0.1", proxy.port), 10) as client:
        client.sendall(b"POST /c/demo/large/submit/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + half)
        deadline = time.monotonic() + 5
        while not open_files_below(proxy.bodies) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert open_files_below(proxy.bodies)
        assert list(proxy.bodies.iterdir()) == []  # removed while open: nothing stays even if nginx is killed
        assert "/c/demo/large/submit/" not in Site.arrivals
        client.sendall(half)
        assert client.recv(100).startswith(b"HTTP/1.1 200")


def open_files_below(folder: Path) -> list[str]:
    """Files below `folder` that any process has open, removed ones too."""
    found = []
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            found.append(str(descriptor.readlink()))
    return [path for path in found if path.startswith(str(folder))]


def test_how_long_it_took_is_not_for_the_client_to_say(proxy):
    claims = ("X-Request-Time: 600", "x-request-time: 700.000", "X_Request_Time: 800")
    with begin_upload(proxy, "/c/demo/claim/submit/", *claims) as client:
        client.sendall(b"me")
        assert client.recv(100).startswith(b"HTTP/1.1 200")
    head = Site.heads["/c/demo/claim/submit/"]
    [told] = [value for name, value in head.items() if name.lower().replace("_", "-") == "x-request-time"]
    assert float(told) < 1


def test_time_between_two_requests_of_a_connection_counts_for_neither(proxy):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    try:
        for path in ("/first/", "/second/"):
            connection.request("GET", path)
            connection.getresponse().read()
            time.sleep(0.6)
    finally:
        connection.close()
    assert float(Site.heads["/second/"]["X-Request-Time"]) < 0.3


def test_one_address_may_have_twenty_bodies_on_the_way_and_still_read_pages(proxy):
    address = "198.51.100.20"
    with ExitStack() as stack:
        clients = [
            stack.enter_context(begin_upload(proxy, f"/c/demo/many/{number}/", f"X-Forwarded-For: {address}"))
            for number in range(25)
        ]
        deadline = time.monotonic() + 10
        while len(answered := select.select(clients, [], [], 0.2)[0]) < 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [client.recv(100).split()[1] for client in answered] == [b"429"] * 5
        assert get(proxy, "/", X_Forwarded_For=address)[0].status == 200
        with begin_upload(proxy, "/c/demo/final/submit/", "X-Forwarded-For: 198.51.100.21") as another:
            another.sendall(b"me")
            assert another.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(("path", "limited"), [("/accounts/login/", True), ("/admin/login/", True), ("/admin/", False)])
def test_logins_are_limited_the_administrators_too(proxy, path, limited):
    address = f"198.51.100.{30 + len(path)}"
    statuses = {get(proxy, path, X_Forwarded_For=address)[0].status for _ in range(50)}
    assert statuses == ({200, 429} if limited else {200})


def test_private_files_come_only_by_way_of_the_site(proxy):
    response, body = get(proxy, "/download/")
    assert (response.status, body) == (200, b"name,score\n")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert get(proxy, "/_private/data/file.csv")[0].status == 404
    assert get(proxy, "/static/../challenge/private/data/file.csv")[1] != b"name,score\n"
    assert get(proxy, "/static../challenge/private/data/file.csv")[1] != b"name,score\n"


@pytest.mark.parametrize(
    ("headers", "status", "body", "told"),
    [
        ({"Range": "bytes=5-"}, 206, b"score\n", "bytes 5-10/11"),
        ({"Range": "bytes=0-3"}, 206, b"name", "bytes 0-3/11"),
        ({"Range": "bytes=-6"}, 206, b"score\n", "bytes 5-10/11"),
        ({"Range": "bytes=5-", "If_Range": '"checksum"'}, 206, b"score\n", "bytes 5-10/11"),
        ({"Range": "bytes=5-", "If_Range": MODIFIED}, 206, b"score\n", "bytes 5-10/11"),
        ({"Range": "bytes=5-", "If_Range": '"of an earlier version"'}, 200, b"name,score\n", None),
        ({"Range": "bytes=0-1,4-5"}, 200, b"name,score\n", None),
        ({"Range": "bytes=11-"}, 416, None, "bytes */11"),
    ],
)
def test_a_download_goes_on_where_it_stopped_if_the_site_says_it_is_the_same_file(proxy, headers, status, body, told):
    response, received = get(proxy, "/download/", **headers)
    assert (response.status, response.headers["Content-Range"]) == (status, told)
    assert body in (None, received)


def test_private_files_have_the_etag_and_the_name_that_the_site_gives(proxy):
    for method, body in (("GET", b"name,score\n"), ("HEAD", b"")):
        response, received = get(proxy, "/download/", method)
        assert (response.status, received) == (200, body)
        told = {name: response.headers.get_all(name) for name in ("ETag", "Last-Modified", "Content-Disposition")}
        assert told == {
            "ETag": ['"checksum"'],
            "Last-Modified": [MODIFIED],
            "Content-Disposition": ['attachment; filename="f.csv"'],
        }
        assert (response.headers["Content-Length"], response.headers["Accept-Ranges"]) == ("11", "bytes")
        assert response.headers.get_all("Cache-Control") == ["private, no-cache"]


def test_images_of_a_study_are_kept_for_ever_as_the_site_says_and_shown_in_the_page(proxy):
    response, body = get(proxy, "/rate/images/one.png")
    assert (response.status, body) == (200, b"pixels")
    assert response.headers.get_all("Cache-Control") == ["private, max-age=31536000, immutable"]
    assert response.headers.get_all("Content-Type") == ["image/png"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert get(proxy, "/_private/study-images/one.png")[0].status == 404


@pytest.mark.parametrize(
    ("name", "kept"), [(HASHED, "public, max-age=31536000, immutable"), ("site.css", "max-age=300")]
)
def test_static_files_with_a_hash_in_the_name_are_kept_for_ever(proxy, name, kept):
    response, body = get(proxy, f"/static/{name}")
    assert (response.status, body) == (200, b"p{}")
    assert response.headers["Cache-Control"].endswith(kept)


def test_the_address_and_scheme_are_those_the_tls_server_in_front_tells(proxy):
    get(proxy, "/who/", X_Forwarded_For="198.51.100.9", X_Forwarded_Proto="https")
    assert Site.heads["/who/"]["X-Forwarded-For"] == "198.51.100.9"
    assert Site.heads["/who/"]["X-Forwarded-Proto"] == "https"
    get(proxy, "/who-else/", X_Forwarded_Proto="javascript")
    assert Site.heads["/who-else/"]["X-Forwarded-Proto"] == "http"


@pytest.mark.parametrize(
    ("path", "kind", "says"),
    [
        ("/c/demo/final/submit/", b"text/html", b"<p>This server takes at most 64 MB at once."),
        ("/api/v1/phases/1/submissions", b"application/problem+json", b'"code": "too_large"'),
    ],
)
def test_a_body_over_the_limit_is_refused_at_the_door_with_a_sentence(proxy, path, kind, says):
    """Codabench #2101: more than the proxy takes, and "Server returned: 0 error"."""
    with socket.create_connection(("127.0.0.1", proxy.port), 10) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 70000000\r\n\r\n".encode())
        answer = b""
        while b"no quota was used" not in answer and (more := client.recv(4096)):
            answer += more
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"Content-Type: " + kind in answer
    assert says in answer
