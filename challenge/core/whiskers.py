"""A column of intervals: one small SVG a row of a table, all on one scale, with lines to compare with."""

from collections.abc import Iterable, Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

WIDTH, HEIGHT, MARGIN = 160, 16, 4


class Whiskers:
    """The scale of one column, from its intervals [low, high]; a dashed line at each of `lines` that lies on it."""

    def __init__(self, intervals: Iterable[Sequence[float]], lines: Iterable[float] = ()) -> None:
        ends = [end for interval in intervals for end in interval]
        self.low, self.high = (min(ends), max(ends)) if ends else (0.0, 0.0)
        marks = "".join(f"M{self._x(line):.1f} 0V{HEIGHT}" for line in lines if self.low <= line <= self.high)
        self.lines = format_html('<path class="reference-line" d="{}"/>', marks) if marks else SafeString("")

    def __call__(self, value: float | None, interval: Sequence[float] | None) -> SafeString:
        """The whisker of one row with its numbers as text beside it; empty without an interval."""
        if not interval or value is None or self.low == self.high:
            return SafeString("")
        low, high = interval
        # All parts are numbers: nothing to escape.
        return SafeString(
            f'<svg class="whisker" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{self.lines}'
            f'<path d="M{self._x(low):.1f} 8H{self._x(high):.1f}M{self._x(low):.1f} 4v8M{self._x(high):.1f} 4v8"/>'
            f'<circle cx="{self._x(value):.1f}" cy="8" r="3"/></svg>'
            f'<span class="interval">{low:.4f} to {high:.4f}</span>'
        )

    def _x(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        return MARGIN + (value - self.low) / span * (WIDTH - 2 * MARGIN)
