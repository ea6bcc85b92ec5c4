"""21 subjects rate at once on the real `manage.py serve`: how soon a rating is stored, and whether any is lost.

The need, from the paper: 3.6 s for an image, so 21 subjects send 5.8 ratings a second. Each client loads the next image
as a browser does, then posts its rating; once at the pace of people, once as fast as it can.
"""

import http.client
import json
import re
import tempfile
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.served import Site, served

SUBJECTS, IMAGES, PIXELS = 21, 60, 512
SECONDS_PER_IMAGE = 3.6
PACED_IMAGES = 8
NEED = SUBJECTS / SECONDS_PER_IMAGE

MAKE = """
import io, json, random, zipfile, zlib
from challenge.accounts.models import User
from challenge.contests.models import Challenge
from challenge.study import rating, setup
from challenge.study.image_list import files_in_zip
from challenge.study.models import Study
from tests.study.studies import SIGNATURE, chunk, listed
import struct
actor = User.objects.filter(is_superuser=True).first() or User.objects.first()
study = Study(challenge=Challenge.objects.get(slug="aigiqa-demo"), title="Load", consent_text="Yes", warm_ups=0,
              repeats=0, golds=0, session_images={images})
setup.save_study(study, [], actor)
noise = random.Random(1)
buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w") as archive:
    for n in range({images}):
        rows = b"".join(b"\\0" + noise.randbytes(3 * {pixels}) for _ in range({pixels}))
        header = struct.pack(">IIBBBBB", {pixels}, {pixels}, 8, 2, 0, 0, 0)
        parts = [SIGNATURE, chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 1)), chunk(b"IEND", b"")]
        archive.writestr(f"{{n}}.png", b"".join(parts))
names = listed([{{"name": f"{{n}}.png", "prompt": f"number {{n}}"}} for n in range({images})])
setup.add_images(study, names, files_in_zip(buffer), actor)
setup.open_study(study, actor)
made = setup.invite(study, {subjects}, actor)
for subject, _ in made:
    rating.consent(subject, "en", [], None)
print(json.dumps({{"study": str(study.pk), "tokens": [token for _, token in made]}}))
"""
COUNT = """
import json
from challenge.study.models import Rating
rows = Rating.objects.filter(trial__session__subject__study="{study}")
print(json.dumps([rows.filter(is_superseded=False).count(), rows.count()]))
"""


class Client:
    """One subject's browser: a connection, its cookies, a session of trials."""

    def __init__(self, site: Site, study: str, token: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(site.url).netloc, timeout=60)
        self.cookies: dict[str, str] = {}
        self.page = str(uuid.uuid4())
        self.get(f"/rate/invitation/{token}/")
        home = self.get(f"/rate/{study}/").decode()
        self.csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', home)[1]  # type: ignore[index]
        self.path = self.call("POST", f"/rate/{study}/start/", b"")[1]
        self.post("hold/", {"page": self.page, "device": self.page, "environment": {}})
        self.trials = json.loads(self.get(f"{self.path}state.json"))["trials"]

    def call(self, method: str, path: str, body: bytes | None = None, kind: str = "text/plain") -> tuple[bytes, str]:
        """(body, Location) of an answer. Raises AssertionError for an error."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers |= {"X-CSRFToken": self.csrf, "Content-Type": kind}
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
        except ConnectionError:  # the server closes idle connections; browsers open another one too
            self.connection.close()
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
        content = answer.read()
        assert answer.status < 400, (path, answer.status, content[:200])
        for header in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = header.partition(";")[0].partition("=")
            self.cookies[name] = value
        return content, answer.headers.get("Location", "")

    def get(self, path: str) -> bytes:
        """The body at `path`."""
        return self.call("GET", path)[0]

    def post(self, what: str, body: Any) -> Any:
        """The JSON answer of the session to a POST of JSON."""
        return json.loads(self.call("POST", self.path + what, json.dumps(body).encode(), "application/json")[0])

    def rate(self, trials: Sequence[dict[str, Any]], pause: float) -> list[tuple[float, float]]:
        """(seconds for the image, seconds for the rating) of each; `pause`: seconds from one image to the next."""
        times = []
        for trial in trials:
            began = time.perf_counter()
            self.get(f"/rate/images/{trial['id']}.png")
            loaded = time.perf_counter()
            rating = {"id": str(uuid.uuid4()), "trial": trial["id"], "value": 3.7, "input": "key", "response_ms": 1500}
            rating |= {"first_ms": 1400, "client_at": "2026-01-01T00:00:00Z"}
            reply = self.post("answers/", {"page": self.page, "answers": [rating]})
            times.append((loaded - began, time.perf_counter() - loaded))
            assert reply["stored"] == [rating["id"]], reply
            time.sleep(max(0.0, pause - (time.perf_counter() - began)))
        return times


def main() -> None:
    """At the pace of people, then as fast as they can."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, served(Path(folder), "--workers", "1") as site:
        made = site.run(MAKE.format(images=IMAGES, pixels=PIXELS, subjects=SUBJECTS))
        clients = [Client(site, made["study"], token) for token in made["tokens"]]
        print(
            f"### {SUBJECTS} subjects at once, {PIXELS} x {PIXELS} PNG images of 0.8 MB; needed: {NEED:.1f} a second\n"
        )
        print("| pace | ratings a second | of what is needed | rating stored p50 / p95 / max ms | image p50 / p95 ms |")
        print("|---|---|---|---|---|", flush=True)
        _report("people", clients, slice(0, PACED_IMAGES), SECONDS_PER_IMAGE)
        _report("as fast as they can", clients, slice(PACED_IMAGES, IMAGES), 0.0)
        counting, rows = site.run(COUNT.format(study=made["study"]))
        print(f"\nRatings sent {SUBJECTS * IMAGES}, stored {counting}, rows {rows}.\n")


def _report(pace: str, clients: list[Client], part: slice, pause: float) -> None:
    began = time.perf_counter()
    with ThreadPoolExecutor(len(clients)) as pool:

        def run(numbered: tuple[int, Client]) -> list[tuple[float, float]]:
            time.sleep(pause * numbered[0] / len(clients))  # people do not press their keys all at once
            return numbered[1].rate(numbered[1].trials[part], pause)

        times = [one for own in pool.map(run, enumerate(clients)) for one in own]
    rate = len(times) / (time.perf_counter() - began)
    stored, image = (sorted(1e3 * one[place] for one in times) for place in (1, 0))
    print(
        f"| {pace} | {rate:.1f} | {rate / NEED:.1f} x | {_at(stored, 0.5)} / {_at(stored, 0.95)} / {_at(stored, 1)} "
        f"| {_at(image, 0.5)} / {_at(image, 0.95)} |",
        flush=True,
    )


def _at(ordered: Sequence[float], share: float) -> str:
    return f"{ordered[min(len(ordered) - 1, int(share * len(ordered)))]:.0f}"


if __name__ == "__main__":
    main()
