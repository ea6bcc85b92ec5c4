"""A column of intervals: one small SVG a row of a table, all on one scale, with lines to compare with."""

import statistics
from collections.abc import Iterable, Sequence

from django.utils.safestring import SafeString

WIDTH, HEIGHT, MARGIN = 160, 16, 4
WIDEST = 8  # median intervals that the scale holds below its top: one bad row must not squeeze all the others


class Whiskers:
    """The scale of one column: from the highest end of its intervals [low, high] down to the lowest, or to WIDEST
    median intervals below; a dashed line at each of `lines` that lies on it. Numbers are printed to `decimals`."""

    def __init__(self, intervals: Iterable[Sequence[float]], lines: Iterable[float] = (), *, decimals: int = 4) -> None:
        self.decimals = decimals
        intervals = list(intervals)
        self.high = max((high for _, high in intervals), default=0.0)
        widest = WIDEST * statistics.median([high - low for low, high in intervals] or [0.0])
        self.low = max(min((low for low, _ in intervals), default=0.0), self.high - widest)
        marks = "".join(f"M{self._x(line):.1f} 0V{HEIGHT}" for line in lines if self.low <= line <= self.high)
        self.lines = f'<path class="reference-line" d="{marks}"/>' if marks else ""

    def __call__(self, value: float | None, interval: Sequence[float] | None) -> SafeString:
        """The whisker of one row with its numbers as text below it; the numbers alone where it lies above the scale;
        empty without an interval. What goes on below the scale ends in an arrow."""
        if not interval or value is None:
            return SafeString("")
        low, high = interval
        # All parts are numbers: nothing to escape.
        numbers = f'<span class="interval">{low:.{self.decimals}f} to {high:.{self.decimals}f}</span>'
        if self.low == self.high or value > self.high:
            return SafeString(numbers)
        left, right = self._x(max(low, self.low)), self._x(min(max(high, self.low), self.high))
        start = f"M{left:.1f} 4v8" if low >= self.low else f"M{left + 4:.1f} 4l-4 4l4 4"
        end = f"M{right:.1f} 4v8" if high >= self.low else ""
        point = f'<circle cx="{self._x(value):.1f}" cy="8" r="3"/>' if value >= self.low else ""
        return SafeString(
            f'<svg class="whisker" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{self.lines}'
            f'<path d="M{left:.1f} 8H{right:.1f}{start}{end}"/>{point}</svg>{numbers}'
        )

    def _x(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        return MARGIN + (value - self.low) / span * (WIDTH - 2 * MARGIN)
