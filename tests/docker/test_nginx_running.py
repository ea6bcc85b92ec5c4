"""nginx with the real configuration in front of a stand-in site: what it passes on, when, and what it keeps back."""

import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, NamedTuple

import pytest

from tests.docker.nginx import lay_out
from tests.servers import free_port, running

HASHED = "site.0123456789ab.css"


class Site(BaseHTTPRequestHandler):
    """Notes when a request's head arrives, before its body; /download/ hands a private file to nginx."""

    arrivals: ClassVar[dict[str, float]] = {}
    heads: ClassVar[dict[str, dict[str, str]]] = {}

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        self.arrivals[self.path] = time.monotonic()
        self.heads[self.path] = dict(self.headers.items())
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        if self.path == "/download/":
            self.send_header("X-Accel-Redirect", "/_private/data/file.csv")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


class Proxy(NamedTuple):
    port: int


@pytest.fixture(scope="module")
def proxy(tmp_path_factory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    for path, content in (
        ("challenge/private/data/file.csv", "name,score\n"),
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
            yield Proxy(port)
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


def get(proxy: Proxy, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def upload_slowly(proxy: Proxy, path: str) -> tuple[float, float]:
    """Send the head, wait, send the body; (when the site saw it, when the body was complete)."""
    with socket.create_connection(("127.0.0.1", proxy.port), 10) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: challenge.example\r\nContent-Length: 4\r\n\r\nna".encode())
        time.sleep(0.6)
        complete = time.monotonic()
        client.sendall(b"me")
        assert client.recv(100).startswith(b"HTTP/1.1 200")
    return Site.arrivals[path], complete


@pytest.mark.parametrize("path", ["/c/demo/final/submit/", "/c/demo/final/validate/", "/api/v1/phases/7/submissions"])
def test_the_site_sees_an_upload_when_it_begins(proxy, path):
    seen, complete = upload_slowly(proxy, path)
    assert seen < complete - 0.3


def test_any_other_form_is_buffered_so_slow_clients_hold_no_thread(proxy):
    seen, complete = upload_slowly(proxy, "/account/")
    assert seen >= complete


def test_private_files_come_only_by_way_of_the_site(proxy):
    response, body = get(proxy, "/download/")
    assert (response.status, body) == (200, b"name,score\n")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert get(proxy, "/_private/data/file.csv")[0].status == 404
    assert get(proxy, "/static/../challenge/private/data/file.csv")[1] != b"name,score\n"
    assert get(proxy, "/static../challenge/private/data/file.csv")[1] != b"name,score\n"


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


def test_a_body_over_the_limit_is_refused_at_the_door(proxy):
    with socket.create_connection(("127.0.0.1", proxy.port), 10) as client:
        client.sendall(b"POST /c/demo/final/submit/ HTTP/1.1\r\nHost: x\r\nContent-Length: 70000000\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413")
