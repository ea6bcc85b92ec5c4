"""The board that must be there, by brute force, and the three places where it is shown."""

import dataclasses
import re
from collections.abc import Callable, Iterable
from typing import Any

from tests.season.visitors import Visitor

METRICS = ("main", "srocc", "krocc", "plcc", "rmse")


@dataclasses.dataclass
class Sent:
    """A file as its team sent it, and the id that the site gave it."""

    team: str
    content: bytes
    id: str
    is_late: bool = False
    is_chosen: bool = False


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of the board that must be there; `scores` has the defined metrics, unrounded."""

    rank: int | None
    name: str
    is_late: bool
    entries: int
    scores: dict[str, float]
    sent: Sent = dataclasses.field(compare=False)


Evaluate = Callable[[Sent], dict[str, Any]]


def _value(result: dict[str, Any]) -> float | None:
    return None if result["main"] is None else round(result["main"], 6)


def counting(files: list[Sent], evaluate: Evaluate, rule: str) -> Sent:
    """Which of a team's files, in the order in which they were received, counts by the phase's rule."""
    if rule == "chosen":
        return next((one for one in files if one.is_chosen), files[-1])
    values = [_value(evaluate(one)) for one in files]
    best = max((value for value in values if value is not None), default=None)
    return files[values.index(best)]


def expected(sent: Iterable[Sent], evaluate: Evaluate, rule: str = "best") -> list[Line]:
    """The board of these files, in the order in which they were received."""
    files = list(sent)
    of_team = {
        (one.team, one.is_late): [o for o in files if (o.team, o.is_late) == (one.team, one.is_late)] for one in files
    }
    chosen = [counting(group, evaluate, rule) for group in of_team.values()]
    in_time = {_value(evaluate(one)) for one in chosen if not one.is_late} - {None}
    lines = []
    for one in sorted(chosen, key=files.index):
        result, value = evaluate(one), _value(evaluate(one))
        ranks = value is not None and not one.is_late
        rank = 1 + sum(other > value for other in in_time) if ranks else None
        scores = {metric: result[metric] for metric in METRICS if result[metric] is not None}
        lines.append(Line(rank, one.team, one.is_late, sum(o.team == one.team for o in files), scores, one))
    return sorted(
        lines, key=lambda line: (line.is_late, "main" not in line.scores, -(_value(evaluate(line.sent)) or 0))
    )


def check(board: str, phase_id: str, visitor: Visitor, lines: list[Line]) -> list[dict[str, Any]]:
    """The API, the CSV and the page of `board` show `visitor` these lines, each to its last digit. The API's rows."""
    rows: list[dict[str, Any]] = visitor.ask(f"phases/{phase_id}/leaderboard")
    names = ("rank", "name", "is_late", "entries", "scores")
    assert [[row[name] for name in names] for row in rows] == [
        [getattr(line, name) for name in names] for line in lines
    ]
    exported = visitor.table(f"{board.rstrip('/')}.csv")
    assert [_exported(row) for row in exported] == [_as_exported(line) for line in lines]
    assert _printed(visitor.look(f"{board}table/")) == [_as_printed(line) for line in lines]
    return rows


def _exported(row: dict[str, str]) -> list[str]:
    return [row[name] for name in ("rank", "name", "kind", "entries", *METRICS)]


def _as_exported(line: Line) -> list[str]:
    scores = (repr(line.scores[metric]) if metric in line.scores else "" for metric in METRICS)
    rank = "" if line.rank is None else str(line.rank)
    return [rank, line.name, "late" if line.is_late else "team", str(line.entries), *scores]


def _printed(html: str) -> list[list[str]]:
    """Rank, name, scores and entries of each row of the table, as people read them."""
    found = []
    for row in re.findall(r"<tr id=.*?</tr>", html, re.DOTALL):
        cells = re.findall(
            r"<t[dh][^>]*>(.*?)</t[dh]>", re.sub(r'<td class="whiskers">.*?</td>', "", row, flags=re.DOTALL), re.DOTALL
        )
        texts = [re.sub(r"<(div|span).*", "", cell, flags=re.DOTALL).strip() for cell in cells]
        found.append(texts[:-1])
    return found


def _as_printed(line: Line) -> list[str]:
    scores = (f"{line.scores[metric]:.4f}" if metric in line.scores else "–" for metric in METRICS)
    return ["" if line.rank is None else str(line.rank), line.name, *scores, str(line.entries)]
