"""The board as a table: every metric of every row."""

from collections.abc import Iterable, Iterator, Sequence

from challenge.leaderboards.board import METRICS, Row
from challenge.submissions.results import rounded

COLUMNS: tuple[str, ...] = (
    *("rank", "name", "method", "kind", "entries", *METRICS, "received_at"),
    *("main_low", "main_high", "rank_low", "rank_high", "probability_first", "group"),
)


def board_rows(rows: Iterable[Row], decimals: int | None) -> Iterator[list[object]]:
    """The table's rows with the columns COLUMNS, fractions to so many decimals; None: in full."""
    for row in rows:
        yield [
            *(row.rank, row.label, row.method_name, row_kind(row), row.entries),
            *(rounded(row.scores.get(metric), decimals) for metric in METRICS),
            row.received_at.isoformat(),
            *rounded(_ends(row.interval), decimals),
            *_ends(row.rank_interval),
            *(row.first, row.group),
        ]


def row_kind(row: Row) -> str:
    """reference, late or team."""
    if row.is_reference:
        return "reference"
    return "late" if row.is_late else "team"


def _ends(interval: Sequence[float] | None) -> list[float | None]:
    return list(interval or (None, None))
