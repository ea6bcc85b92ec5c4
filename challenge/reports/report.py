"""The report of a phase: its board, and beside each team of it what the team says and how its method was reproduced.

Ranks, scores and intervals are those of the board, from the same query, as its organisers see it; nothing is copied.
Facts are those of submitted sheets: a draft is nobody's word yet.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from uuid import UUID

from challenge.accounts.models import User
from challenge.contests.access import BoardKind, usual_board
from challenge.contests.models import Phase
from challenge.datasets.services import result_decimals, shown_decimals
from challenge.leaderboards.board import Row
from challenge.leaderboards.views import board_for
from challenge.reports.completeness import missing
from challenge.reports.models import DEFAULT_TOLERANCE, Collection, FactSheet, Reproduction
from challenge.reports.reproductions import Comparison, comparison_of, newest_of
from challenge.reports.services import collection_of


@dataclasses.dataclass(frozen=True)
class Entry:
    """A line of the board. `sheet` in whatever state; `comparison` once a worker has made it, for this submission."""

    row: Row
    sheet: FactSheet | None = None
    reproduction: Reproduction | None = None
    comparison: Comparison | None = None

    @property
    def owes_sheet(self) -> bool:
        """Whether it is that of a team that came in time."""
        return self.row.team_id is not None and not self.row.is_late

    @property
    def facts(self) -> FactSheet | None:
        """The sheet, once it is submitted."""
        return self.sheet if self.sheet and self.sheet.is_submitted else None

    @property
    def status(self) -> str:
        """Of the sheet: missing, draft or submitted."""
        return str(self.sheet.status) if self.sheet else "missing"

    @property
    def lacking(self) -> list[str]:
        """What a draft still lacks."""
        return missing(self.sheet) if self.sheet and not self.sheet.is_submitted else []

    @property
    def title(self) -> str:
        """The name as it is printed."""
        return (self.facts.team_title if self.facts else "") or self.row.label


@dataclasses.dataclass(frozen=True)
class Report:
    """All of it, in the order of the board. `decimals` are those that pages show."""

    phase: Phase
    collection: Collection | None
    tolerance: float
    decimals: int
    entries: tuple[Entry, ...]

    @property
    def teams(self) -> list[Entry]:
        """Those that owe a sheet."""
        return [entry for entry in self.entries if entry.owes_sheet]

    @property
    def described(self) -> list[tuple[Entry, FactSheet]]:
        """Those with a submitted sheet."""
        return [(entry, entry.facts) for entry in self.teams if entry.facts]

    @property
    def reproduced(self) -> list[tuple[Entry, Comparison]]:
        """Those whose method was run again."""
        return [(entry, entry.comparison) for entry in self.teams if entry.comparison]

    @property
    def counts(self) -> dict[str, int]:
        """How many sheets are in which state."""
        found = Counter(entry.status for entry in self.teams)
        return {status: found[status] for status in ("submitted", "draft", "missing")}


def report_of(phase: Phase, organiser: User) -> Report:
    """The report as it is now, for somebody who organises the challenge (the caller has checked that)."""
    kind = usual_board(phase)
    rows = board_for(organiser, phase, asks_exact=False)
    collection = collection_of(phase)
    tolerance = collection.tolerance if collection else DEFAULT_TOLERANCE
    sheets = _sheets(phase)
    reproductions = newest_of(row.submission_id for row in rows if not row.is_line)
    entries = []
    for row in rows:
        made = reproductions.get(row.submission_id) if row.team_id else None
        found = comparison_of(made, tolerance=tolerance, private=kind == BoardKind.PRIVATE) if made else None
        is_fresh = made is not None and made.evaluation_id == row.evaluation_id
        sheet = sheets.get(row.team_id) if row.team_id and not row.is_late else None
        entries.append(Entry(row, sheet, made, found if is_fresh else None))
    decimals = shown_decimals(phase) if kind == BoardKind.RELEASED else result_decimals(phase)
    return Report(phase, collection, tolerance, decimals, tuple(entries))


def _sheets(phase: Phase) -> dict[UUID, FactSheet]:
    rows = FactSheet.objects.filter(phase=phase).select_related("team", "saved_by")
    return {row.team_id: row for row in rows.prefetch_related("authors", "attachments")}
