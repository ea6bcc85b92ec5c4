"""The column of intervals: one small SVG a row, all on one scale, with the reference rows as lines."""

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

from challenge.leaderboards.board import Row

WIDTH, HEIGHT, MARGIN = 160, 16, 4


class Whiskers:
    """The scale of one board."""

    def __init__(self, rows: Sequence[Row]) -> None:
        ends = [end for row in rows if row.interval for end in row.interval]
        self.low, self.high = (min(ends), max(ends)) if ends else (0.0, 0.0)
        marks = [row.rank_value for row in rows if row.is_reference and row.rank_value is not None]
        lines = "".join(f"M{self._x(mark):.1f} 0V{HEIGHT}" for mark in marks if self.low <= mark <= self.high)
        self.references = format_html('<path class="reference-line" d="{}"/>', lines) if lines else SafeString("")

    def __call__(self, row: Row) -> SafeString:
        """The row's whisker with its numbers as text beside it; empty without an interval."""
        if not row.interval or row.rank_value is None or self.low == self.high:
            return SafeString("")
        low, high = row.interval
        # All parts are numbers: nothing to escape.
        return SafeString(
            f'<svg class="whisker" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{self.references}'
            f'<path d="M{self._x(low):.1f} 8H{self._x(high):.1f}M{self._x(low):.1f} 4v8M{self._x(high):.1f} 4v8"/>'
            f'<circle cx="{self._x(row.rank_value):.1f}" cy="8" r="3"/></svg>'
            f'<span class="interval">{low:.4f} to {high:.4f}</span>'
        )

    def _x(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        return MARGIN + (value - self.low) / span * (WIDTH - 2 * MARGIN)
