"""A local server with an OpenAI-compatible address, whose answers a test writes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# An answer is (status, headers, body); a function of the request's parsed body and its number from 0.
Answer = tuple[int, dict[str, str], bytes]
Respond = Callable[[dict[str, Any], int], Answer]


def items_of(request: dict[str, Any]) -> list[dict[str, str]]:
    """The {"id", "prompt"} objects of a request."""
    items: list[dict[str, str]] = json.loads(request["messages"][1]["content"])["prompts"]
    return items


def reply(content: object) -> Answer:
    """A chat completion with this content: text as it is, anything else as JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    return 200, {}, json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


def verdicts(request: dict[str, Any], label: str = "allow", category: str = "ok") -> dict[str, Any]:
    """Well-formed verdicts on all prompts of the request."""
    said = {"label": label, "category": category, "reason": "as the test says"}
    return {"verdicts": [{"id": item["id"], **said} for item in items_of(request)]}


class Stub:
    """`url` to give to the judge; `requests` and `headers` of what arrived."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    @property
    def prompts(self) -> list[list[str]]:
        """The prompts of every request, in order of arrival."""
        return [[item["prompt"] for item in items_of(request)] for request in self.requests]


@contextmanager
def serve(respond: Respond) -> Iterator[Stub]:
    stub = Stub(respond)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(stub.requests)
                stub.requests.append(request)
                stub.headers.append(dict(self.headers) | {"path": self.path})
            status, headers, body = stub.respond(request, number)
            try:
                self.send_response(status)
                for name, value in (headers | {"Content-Length": str(len(body))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # the client did not wait

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
