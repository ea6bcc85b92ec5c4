"""Talk with a site's API: one request at a time, tried again with growing pauses where trying again is safe.

Everything that is sent here may be sent twice: reading changes nothing, a submission carries an idempotency key,
withdrawing and choosing again change nothing. So a broken connection, a time-out and an overloaded server are tried
again; a refusal is not. Redirects are not followed: a token goes to the site that was named, and nowhere else.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiqa.errors import NetworkFailed, Refused, WrongUsage

API = "/api/v1"
INTERRUPTIONS = (OSError, http.client.HTTPException)
OVERLOADED = (429, 502, 503, 504)
LONGEST_PAUSE = 60.0
Result = TypeVar("Result")
Body = Callable[[], Iterator[bytes]]


class Overloaded(Exception):
    """The server asks to come again, after `seconds` if it says when."""

    def __init__(self, status: int, seconds: float | None) -> None:
        super().__init__(f"the server answered {status}")
        self.seconds = seconds


class Client:
    """A site and a token for it.

    `timeout` is in seconds, for connecting and for every single read; `retries` is how often a request is tried again.
    `say` gets a line for people at each retry.
    """

    def __init__(
        self,
        site: str,
        token: str = "",
        *,
        timeout: float = 30.0,
        retries: int = 6,
        say: Callable[[str], object] = lambda text: None,
    ) -> None:
        self.site, self.token = site, token
        self.timeout, self.retries = timeout, retries
        self.say = say

    def get(self, path: str) -> Any:
        """The JSON at an address of the API. Raises CommandFailed."""
        return self.call("GET", self.api(path), read=read_json)

    def every(self, path: str) -> list[Any]:
        """A list of the API with all its parts."""
        rows: list[Any] = []
        address: str | None = self.api(path)
        while address:
            part, address = self.call("GET", address, read=lambda answer: (read_json(answer), _next(answer)))
            rows += part
        return rows

    def post(self, path: str) -> Any:
        """The JSON that the API answers to a POST without a body."""
        return self.call("POST", self.api(path), headers=lambda: {"Content-Length": "0"}, read=read_json)

    def api(self, path: str) -> str:
        """The address of the API's `path` on this site, without the host."""
        return urlsplit(self.site).path + API + path

    def call(
        self,
        method: str,
        address: str,
        *,
        read: Callable[[http.client.HTTPResponse], Result],
        headers: Callable[[], Mapping[str, str]] = dict,
        body: Body | None = None,
        progress: Callable[[], int] = lambda: 0,
    ) -> Result:
        """What `read` makes of the answer, as soon as there is one. Raises CommandFailed.

        `headers` and `body` are asked for anew at each try. While `progress()` grows, tries count from the beginning:
        a long download over a bad line goes on as long as it gets further.
        """
        tries, before = 0, progress()
        while True:
            try:
                return self._once(method, address, headers(), body, read)
            except ssl.SSLCertVerificationError as error:
                fix = "Check the address; for a certificate of your own authority set SSL_CERT_FILE."
                raise NetworkFailed("certificate", f"{self.site}: {error.verify_message}", fix) from error
            except (*INTERRUPTIONS, Overloaded) as error:
                tries = 0 if progress() > before else tries
                before = max(before, progress())
                if tries >= self.retries:
                    detail = f"{self.site} could not be reached: {_words(error)}."
                    fix = "Check the address and the network, then run the same command again: nothing is done twice."
                    raise NetworkFailed("unreachable", detail, fix) from error
                asked = error.seconds if isinstance(error, Overloaded) else None
                pause = min(LONGEST_PAUSE, asked if asked is not None else 2**tries / 2 * random.uniform(0.8, 1.2))  # noqa: S311
                tries += 1
                self.say(f"{_words(error)}; again in {pause:.1f} s ({tries} of {self.retries})")
                wait(pause)

    def _once(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        body: Body | None,
        read: Callable[[http.client.HTTPResponse], Result],
    ) -> Result:
        connection, target = self._connection(address)
        sent = {"User-Agent": "aiqa", "Accept-Encoding": "identity", "Connection": "close", **headers}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        with contextlib.closing(connection):
            # A server that refuses may answer before it has read everything, and then close.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, target, body=body() if body else None, headers=sent)
            with connection.getresponse() as answer:
                self._require_success(answer)
                return read(answer)

    def _connection(self, address: str) -> tuple[http.client.HTTPConnection, str]:
        """A connection, through the environment's proxy if there is one, and what to ask for on it."""
        parts = urlsplit(self.site)
        host = parts.hostname or ""
        proxy = None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(parts.scheme)
        through = urlsplit(proxy if "//" in proxy else f"//{proxy}") if proxy else None
        first = through or parts
        if parts.scheme == "http":
            plain = http.client.HTTPConnection(first.hostname or "", first.port, timeout=self.timeout)
            return plain, f"{parts.scheme}://{parts.netloc}{address}" if through else address
        context = ssl.create_default_context()
        secure = http.client.HTTPSConnection(first.hostname or "", first.port, timeout=self.timeout, context=context)
        if through:
            secure.set_tunnel(host, parts.port)
        return secure, address

    def _require_success(self, answer: http.client.HTTPResponse) -> None:
        status = answer.status
        if status < 300:
            return
        if status < 400:
            place = answer.headers.get("Location", "elsewhere")
            raise WrongUsage(
                "redirected", f"{self.site} leads to {place}.", "Give the address that it leads to as --url."
            )
        document = _problem(answer)
        code = document.get("code")
        if status in OVERLOADED and code != "quota_spent":
            after = answer.headers.get("Retry-After", "")
            raise Overloaded(status, float(after) if after.isdecimal() else None)
        if code is None:
            fix = "Is this the address of a challenge server?"
            raise Refused("unexpected_answer", f"{self.site} answered {status} {answer.reason}.", fix)
        raise Refused(code, str(document.get("detail", answer.reason)), document=document)


def _problem(answer: http.client.HTTPResponse) -> dict[str, Any]:
    try:
        document = json.loads(answer.read(1_000_000))
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def wait(seconds: float) -> None:
    """Do nothing for so long."""
    time.sleep(seconds)


def read_json(answer: http.client.HTTPResponse) -> Any:
    """The JSON in an answer. Raises Refused when it is none."""
    content = answer.read()
    try:
        return json.loads(content)
    except ValueError as error:
        raise Refused(
            "unexpected_answer", "The answer is not JSON.", "Is this the address of a challenge server?"
        ) from error


def _next(answer: http.client.HTTPResponse) -> str | None:
    """The address of the next part of a list, on the same site."""
    address, _, relation = answer.headers.get("Link", "").partition(">")
    found = address.removeprefix("<")
    return found if 'rel="next"' in relation and is_path(found) else None


def is_path(address: str) -> bool:
    """Whether this is a path of the site that sent it, and nothing that leads elsewhere."""
    return address.startswith("/") and not address.startswith("//")


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, http.client.IncompleteRead | http.client.RemoteDisconnected):
        return "the connection broke"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
