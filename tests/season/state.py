"""Who takes part in a season, what they have sent, and how its numbers are checked."""

import datetime
from collections.abc import Iterator
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from challenge.datasets.models import AnswerKey
from tests.factories import make_user
from tests.season import boards
from tests.season.boards import Line, Sent
from tests.season.clock import Clock
from tests.season.files import TEAMS
from tests.season.recompute import Recomputation
from tests.season.visitors import Visitor
from tests.season.workers import Workers

HOME = "/c/season/"


class Season:
    """The site and its people, and `sent`, the test's own list of every accepted file by phase, oldest first."""

    def __init__(self, clock: Clock, workers: Workers, recompute: Recomputation) -> None:
        self.clock, self.workers, self.recompute = clock, workers, recompute
        self.organiser = Visitor(make_user("organiser", is_staff=True))
        # Every third team is known to the organisers by its address.
        domains = {name: "known.example.org" if place % 3 == 0 else "example.org" for place, name in enumerate(TEAMS)}
        self.leaders = {
            name: Visitor(make_user(f"leader{place:02d}", domains[name])) for place, name in enumerate(TEAMS)
        }
        self.visitor = Visitor()
        self.sent: dict[str, list[Sent]] = {"development": [], "final": []}
        self.keys: dict[str, bytes] = {}
        self._ids: dict[str, str] = {}

    def id_of(self, phase: str) -> str:
        """The id of a phase, as the API tells it."""
        if not self._ids:
            self._ids = {one["slug"]: one["id"] for one in self.visitor.ask("challenges/season")["phases"]}
        return self._ids[phase]

    def phase(self, slug: str) -> dict[str, Any]:
        """What the API says about a phase."""
        rows: list[dict[str, Any]] = self.visitor.ask("challenges/season")["phases"]
        return next(row for row in rows if row["slug"] == slug)

    def upload_key(self, phase: str, content: bytes) -> AnswerKey:
        """The organiser gives an answer key; the workers check it."""
        values = {"phase": self.id_of(phase), "upload": SimpleUploadedFile("key.csv", content)}
        page = self.organiser.fill(reverse("admin:datasets_answerkey_add"), **values)
        assert page.redirect_chain, page.content.decode()
        self.workers.work()
        return AnswerKey.objects.filter(phase=self.id_of(phase)).latest("version")

    def send(self, team: str, phase: str, content: bytes, *, by: str = "") -> Sent:
        """The leader of `team` (or of another that was merged into it) sends a file, which is accepted."""
        self.clock.forward(seconds=1)
        answer = self.leaders[by or team].send(self.id_of(phase), content, method_name=f"method of {team}")
        made = Sent(team, content, answer["id"], is_late=answer["is_late"])
        assert (answer["team"], answer["status"], answer["scores"]) == (team, "queued", None)
        self.sent[phase].append(made)
        return made

    def refused(self, team: str, phase: str, content: bytes, *, status: int, code: str, says: str) -> None:
        """The leader of `team` sends a file, which is refused for this reason."""
        answer = self.leaders[team].send(self.id_of(phase), content, status=status)
        assert answer["code"] == code
        assert says in answer["detail"]

    def evaluate(self, one: Sent) -> dict[str, Any]:
        """The file once more by the command line, with the key in force."""
        phase = "final" if one in self.sent["final"] else "development"
        return self.recompute.evaluate(one.content, self.keys[phase])

    def lines(self, phase: str = "development", files: list[Sent] | None = None) -> list[Line]:
        """The board that must be there: of these files, or of everything that was sent."""
        rule = {"development": "best", "final": "chosen"}[phase]
        return boards.expected(self.sent[phase] if files is None else files, self.evaluate, rule)

    def check_board(
        self, phase: str = "development", files: list[Sent] | None = None, viewer: Visitor | None = None
    ) -> list[dict[str, Any]]:
        """The board is that board, for everybody or for `viewer`; returns the API's rows."""
        lines = self.lines(phase, files)
        return boards.check(f"{HOME}{phase}/leaderboard/", self.id_of(phase), viewer or self.leaders[TEAMS[0]], lines)

    def receipts(self, one: Sent) -> Iterator[dict[str, Any]]:
        """The documents of a file's receipts, each found genuine by the command line."""
        keys = self.visitor.look("/.well-known/receipt-keys.json")
        for receipt in self.leaders[TEAMS[0]].ask(f"submissions/{one.id}/receipts"):
            verdict = self.recompute.verify(receipt, keys, one.content)
            assert verdict["genuine"], verdict["reason"]
            yield verdict["document"]


def moment(text: str) -> datetime.datetime:
    """An aware moment from ISO 8601 in UTC without the zone."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)
