"""What people see: tables, reports, progress. Text of a server is printed without characters that steer a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

BAR_CHARACTERS = 30
REDRAW_SECONDS = 0.1


def clean(text: object) -> str:
    """One line that only prints."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def printable(text: str) -> str:
    """The same for several lines."""
    return "\n".join(map(clean, text.split("\n")))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns under their names; numbers to the right, None as a dash."""
    rows = [list(row) for row in rows]
    cells = [[cell(value) for value in row] for row in rows]
    widths = [max(len(header[i]), *(len(row[i]) for row in cells), 0) for i in range(len(header))]
    is_number = [any(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]
    lines = [header, *cells]
    return "\n".join(
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, is_number, strict=True)
        ).rstrip()
        for line in lines
    )


def cell(value: object) -> str:
    """A value in a table: scores to four decimals, intervals in brackets."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, list):
        return f"[{', '.join(cell(item) for item in value)}]"
    return clean(value)


def moment(text: str | None) -> str:
    """A time of the API to the second, in UTC."""
    return "-" if text is None else clean(text).replace("T", " ")[:19] + " UTC"


def report_lines(report: dict[str, Any], path: object) -> str:
    """What is wrong with a file, by line, with the fix: as `python -m scoring validate` prints it."""
    lines = []
    for problem in report.get("problems", []):
        place = path if problem["line"] is None else f"{path}:{problem['line']}"
        lines.append(
            clean(f"{place}: {problem['message']}") + (f" [{clean(problem['fix'])}]" if problem["fix"] else "")
        )
    hidden = report.get("problem_count", 0) - len(lines)
    lines += [f"... and {hidden} more"] if hidden > 0 else []
    lines += [clean(f"{path}: warning: {warning['message']}") for warning in report.get("warnings", [])]
    return "\n".join([*lines, clean(f"{path}: {report.get('summary', '')}")])


class Bar:
    """How much of `total` bytes is done, on standard error, where that is a terminal; silent elsewhere."""

    def __init__(self, label: str, total: int, stream: TextIO | None = None) -> None:
        self.label, self.total = clean(label), total
        self.stream = sys.stderr if stream is None else stream
        self.is_shown = self.stream.isatty()
        self.drawn_at = 0.0

    def at(self, done: int) -> None:
        """`done` bytes are there."""
        now = time.monotonic()
        if self.is_shown and (now - self.drawn_at > REDRAW_SECONDS or done >= self.total):
            self.drawn_at = now
            share = min(1.0, done / self.total) if self.total else 1.0
            filled = "#" * round(share * BAR_CHARACTERS)
            self.stream.write(f"\r{self.label} [{filled:<{BAR_CHARACTERS}}] {share:4.0%} of {self.total / 1e6:.1f} MB")
            self.stream.flush()

    def end(self) -> None:
        """Leave the line."""
        if self.is_shown and self.drawn_at:
            self.stream.write("\n")
