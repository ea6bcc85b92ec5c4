"""The column of intervals: one small SVG a row, all on one scale, with the reference rows as lines."""

import statistics
from collections.abc import Sequence

from django.utils.safestring import SafeString

from challenge.leaderboards.board import Row

WIDTH, HEIGHT, MARGIN = 160, 16, 4
WIDEST = 8  # median intervals that the scale holds below its top: one bad row must not squeeze all the others


class Whiskers:
    """The scale of one board: from its highest end down to its lowest, or to WIDEST median intervals below."""

    def __init__(self, rows: Sequence[Row]) -> None:
        # A noise ceiling lies far above: the scale is that of the teams and methods.
        intervals = [row.interval for row in rows if row.interval and not row.is_line]
        self.high = max((high for _, high in intervals), default=0.0)
        widest = WIDEST * statistics.median([high - low for low, high in intervals] or [0.0])
        self.low = max(min((low for low, _ in intervals), default=0.0), self.high - widest)
        marks = [row.rank_value for row in rows if row.is_reference and row.rank_value is not None]
        lines = "".join(f"M{self._x(mark):.1f} 0V{HEIGHT}" for mark in marks if self.low <= mark <= self.high)
        self.references = f'<path class="reference-line" d="{lines}"/>' if lines else ""

    def __call__(self, row: Row) -> SafeString:
        """The row's whisker with its numbers as text below it; empty without an interval."""
        if not row.interval or row.rank_value is None:
            return SafeString("")
        low, high = row.interval
        if self.low == self.high or (not self.low <= row.rank_value <= self.high and row.is_line):
            return SafeString(f'<span class="interval">{low:.4f} to {high:.4f}</span>')
        left, right = self._x(max(low, self.low)), self._x(max(high, self.low))
        start = f"M{left:.1f} 4v8" if low >= self.low else f"M{left + 4:.1f} 4l-4 4l4 4"  # an arrow: goes on
        point = f'<circle cx="{self._x(row.rank_value):.1f}" cy="8" r="3"/>' if row.rank_value >= self.low else ""
        end = f"M{right:.1f} 4v8" if high >= self.low else ""
        # All parts are numbers: nothing to escape.
        return SafeString(
            f'<svg class="whisker" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{self.references}'
            f'<path d="M{left:.1f} 8H{right:.1f}{start}{end}"/>{point}</svg>'
            f'<span class="interval">{low:.4f} to {high:.4f}</span>'
        )

    def _x(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        return MARGIN + (value - self.low) / span * (WIDTH - 2 * MARGIN)
