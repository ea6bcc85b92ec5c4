"""The usual world, with a clock that the test turns, a broker that is a list, and people at browsers."""

import dataclasses
import html
import io
import re
import zipfile
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.factories import World, prediction_csv, upload
from tests.season.clock import Clock
from tests.season.visitors import Visitor
from tests.season.workers import Workers

HOME = "/c/iqa/"
SUBMIT = f"{HOME}development/submit/"
BOARD = f"{HOME}development/leaderboard/"


def words(page: Any) -> str:
    """What a page says, or an answer with one: its text without tags, single spaces between words."""
    text = page if isinstance(page, str) else page.content.decode()
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def zipped(members: Mapping[str, bytes | str]) -> SimpleUploadedFile:
    """An upload of a zip with these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return upload(buffer.getvalue(), "submission.zip")


class ScoringWorkers(Workers):
    """Workers that leave intervals and comparisons, which take longest, undone unless told otherwise."""

    analyses = False

    def work(self, deliveries: int = 1) -> None:
        """Answer the calls that are not for analyses."""
        self.calls = deque(call for call in self.calls if self.analyses or not call[0].name.startswith("analyses."))
        super().work(deliveries)


@dataclasses.dataclass
class Site:
    """The world as people outside see it."""

    world: World
    clock: Clock
    workers: ScoringWorkers
    _commits: Callable[..., Any]

    def __post_init__(self) -> None:
        names = ("alice", "bob", "mallory", "outsider", "organiser", "other_organiser")
        self._visitors = {name: Visitor(getattr(self.world, name)) for name in names}

    def __getitem__(self, name: str) -> Visitor:
        return self._visitors[name]

    def post(self, name: str, content: bytes = b"", phase: str = "development", **fields: Any) -> Any:
        """The answer to the submit form; what waits for the commit happens."""
        sent = fields.pop("file", None) or upload(content or prediction_csv())
        with self._commits(execute=True):
            return self[name].browser.post(f"{HOME}{phase}/submit/", {"file": sent, **fields})

    def accepted(self, name: str, content: bytes = b"", phase: str = "development", **fields: Any) -> str:
        """The page of the submission that the form makes."""
        answer = self.post(name, content, phase, **fields)
        assert answer.status_code == 302, words(answer)
        page: str = answer["Location"]
        return page

    def work(self, deliveries: int = 1) -> None:
        """Workers answer what they were called for, then a round of the scheduler, and what follows from either."""
        with self._commits(execute=True):
            self.workers.work(deliveries)
            self.workers.tend(deliveries)
        while self.workers.calls:  # made by the commits
            with self._commits(execute=True):
                self.workers.work(deliveries)

    def board(self, name: str = "alice") -> dict[str, dict[str, str]]:
        """The rows of the board's CSV by name, in their order; the page has the same ones."""
        rows = {row["name"]: row for row in self[name].table(f"{HOME}development/leaderboard.csv")}
        shown = re.findall(r'<th scope="row">\s*([^<]+?)\s*<', self[name].look(BOARD))
        assert shown == list(rows)
        return rows


@pytest.fixture
def site(world, monkeypatch, django_capture_on_commit_callbacks) -> Site:
    """The world of `tests.factories`; time and broker are the test's."""
    clock, workers = Clock(), ScoringWorkers()
    clock.patch(monkeypatch)
    workers.patch(monkeypatch)
    return Site(world, clock, workers, django_capture_on_commit_callbacks)
