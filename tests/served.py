"""The real site for tests and benchmarks: `manage.py serve` in a process of its own, and ways to talk to it.

with served(state_dir, "--workers", "1") as site:
    token = site.run("...print(json.dumps(...))")["token"]
    site.api(token).submit(phase, content)
"""

import dataclasses
import http.client
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
STOP_SECONDS = 60
TOKEN_SCRIPT = """
import json
from challenge.accounts.models import User
from challenge.accounts.services import create_token
print(json.dumps(create_token(user=User.objects.get(username="participant"), name="t", scopes=["read", "submit"])[1]))
"""
PHASE_SCRIPT = """
import datetime, json
from django.utils import timezone
from challenge.contests.models import Challenge, Phase
from challenge.datasets.services import add_answer_key, put_in_force
now, day = timezone.now(), datetime.timedelta(days=1)
phase = Phase.objects.create(
    challenge=Challenge.objects.get(slug="aigiqa-demo"), slug="{slug}", title="{slug}", opens_at=now - day,
    closes_at=now + day,
)
column = ",generator" if {generators} else ""
lines = ["name,mos" + column]
for n in range({rows}):
    lines.append(f"i{{n}}.png,{{(n * 7919) % 1009 / 200}}" + (f",g{{n % {generators}}}" if {generators} else ""))
put_in_force(add_answer_key(phase=phase, content="\\n".join(lines).encode(), actor=None))
print(json.dumps(str(phase.pk)))
"""


class SiteFailedError(AssertionError):
    """The site ended before it was ready; the text is what it printed."""


def environment(state_dir: Path, **extra: str) -> dict[str, str]:
    """What a person's shell has, not what the test settings need."""
    unset = {"DJANGO_SETTINGS_MODULE", "DATABASE_URL", "BROKER_URL", "CACHE_URL", "SECRET_KEY", "STOP_WITH_PARENT"}
    unset.add("DJANGO_ALLOW_ASYNC_UNSAFE")  # set by the browser tests for this process only
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    kept |= {"RATE_LIMIT_UPLOAD": "", "RATE_LIMIT_API": ""}  # one client sends here what a whole challenge does
    kept["DEMO_BASELINES"] = "0"  # tests/demo runs them: here they would take the time of what is looked at
    return {**kept, "STATE_DIR": str(state_dir), "OMP_NUM_THREADS": "1", **extra}


def serve(state_dir: Path, *arguments: str, **extra: str) -> subprocess.Popen[str]:
    """`manage.py serve` on a free port, two scoring workers unless `arguments` say otherwise."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", "0", "--workers", "2", *arguments],
        cwd=ROOT,
        env=environment(state_dir, **extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What the process prints up to the line with `text`. Raises SiteFailedError when it ends before."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if text in line:
            return printed
    raise SiteFailedError(f"ended with {process.wait()} before {text!r}:\n{printed}")


@dataclasses.dataclass(frozen=True)
class Site:
    """A running site: its process, what it said when it was ready, its address and state folder."""

    process: subprocess.Popen[str]
    said: str
    url: str
    state_dir: Path

    def run(self, script: str) -> Any:
        """The JSON that the last line printed by `script` holds, run in the site's own Django."""
        done = subprocess.run(
            [sys.executable, "manage.py", "shell", "-v", "0", "-c", script],
            cwd=ROOT,
            env=environment(self.state_dir, LOG_LEVEL="ERROR"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def api(self, token: str = "") -> "Api":
        """A client with its own connection: `with site.api(token) as client`."""
        return Api(self.url, token)

    def participant_token(self) -> str:
        """A token of the demo's participant, who may submit."""
        return str(self.run(TOKEN_SCRIPT))

    def open_phase(self, slug: str, rows: int, generators: int = 0) -> str:
        """The id of a new phase of the demo challenge: no quota, `rows` images, a subset column where asked for."""
        return str(self.run(PHASE_SCRIPT.format(slug=slug, rows=rows, generators=generators)))


@contextmanager
def served(state_dir: Path, *arguments: str, **extra: str) -> Iterator[Site]:
    """A site that is up; stopped at the end, unless the test has done that."""
    with serve(state_dir, *arguments, **extra) as process:
        try:
            said = read_until(process, "Ctrl-C")
            found = re.search(r"http://127\.0\.0\.1:\d+/", said)
            assert found, said
            yield Site(process, said, found[0].rstrip("/"), state_dir)
        finally:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=STOP_SECONDS)


class Api:
    """The API as a participant's script uses it, over one kept connection (one per thread, please)."""

    def __init__(self, url: str, token: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def call(self, path: str, body: bytes | None = None, **headers: str) -> Any:
        """The JSON at `path`; a POST where there is a body. Raises AssertionError unless the status is 2xx."""
        method = "GET" if body is None else "POST"
        try:
            answer = self._answer(method, path, body, headers)
        except ConnectionError:  # the server closes idle connections; a submission carries an idempotency key
            self.connection.close()
            answer = self._answer(method, path, body, headers)
        text = answer.read()
        assert answer.status < 300, (answer.status, text)
        return json.loads(text)

    def _answer(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        self.connection.request(method, path, body=body, headers={**self.headers, **headers})
        return self.connection.getresponse()

    def submit(self, phase: str, content: bytes) -> str:
        """Submit a file; the id of the submission."""
        edge = uuid.uuid4().hex
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="p.csv"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
        path = f"/api/v1/phases/{phase}/submissions"
        headers = {"Content-Type": f"multipart/form-data; boundary={edge}", "Idempotency-Key": edge}
        return str(self.call(path, body, **headers)["id"])

    def status(self, submission: str) -> str:
        """The state of a submission."""
        return str(self.call(f"/api/v1/submissions/{submission}")["status"])


def predictions(rows: int, seed: int = 1) -> bytes:
    """A prediction file for a phase of `Site.open_phase`."""
    return "".join(f"i{n}.png,{(n * 7919 + n * n * seed) % 1013}\n" for n in range(rows)).encode()
