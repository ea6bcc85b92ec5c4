"""What is wrong with a file: one Problem per fault, collected in a log that counts all and keeps the first hundred.

Contract: messages hold text from the sender's own file, shortened and with control characters escaped, and never a
hidden value. Lines are 1-based, as an editor counts them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

MAX_SHOWN = 100
NAMES_SHOWN = 5

_SUMMARY = {
    "bad_score": ("score is not a number", "scores are not numbers"),
    "empty_score": ("score is missing", "scores are missing"),
    "not_finite": ("score is not finite", "scores are not finite"),
    "empty_name": ("name is missing", "names are missing"),
    "unknown_name": ("unknown name", "unknown names"),
    "duplicate_name": ("repeated name", "repeated names"),
    "path_in_name": ("name with a folder", "names with a folder"),
    "similar_name": ("name spelt differently", "names spelt differently"),
    "wrong_delimiter": ("line with another delimiter", "lines with another delimiter"),
    "decimal_comma": ("decimal comma", "decimal commas"),
    "extra_columns": ("line with extra columns", "lines with extra columns"),
    "columns": ("line with the wrong number of columns", "lines with the wrong number of columns"),
    "bad_rating": ("rating is not a number", "ratings are not numbers"),
    "out_of_scale": ("rating outside the scale", "ratings outside the scale"),
    "duplicate_rating": ("repeated rating", "repeated ratings"),
    "swapped_columns": ("line with score and name swapped", "lines with score and name swapped"),
}


@dataclass(frozen=True)
class Problem:
    """One fault: a stable `code`, a sentence, the 1-based line (None: the whole file), and how to put it right."""

    code: str
    message: str
    line: int | None = None
    fix: str = ""


@dataclass(frozen=True)
class Report:
    """The outcome of validating one file.

    `problems` holds the first MAX_SHOWN of `problem_count` in line order, `missing` the first MAX_SHOWN missing names,
    `rows` the number of data rows (header and blank lines excluded), `method` what an NTIRE readme.txt declared:
    runtime_s (seconds per image), device ("cpu" or "gpu"), extra_data (bool), description.
    """

    problems: tuple[Problem, ...] = ()
    problem_count: int = 0
    warnings: tuple[Problem, ...] = ()
    rows: int = 0
    summary: str = ""
    method: dict[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True when the file can be scored."""
        return self.problem_count == 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form."""
        return {
            "ok": self.ok,
            "rows": self.rows,
            "summary": self.summary,
            "problem_count": self.problem_count,
            "problems": [asdict(problem) for problem in self.problems],
            "warnings": [asdict(warning) for warning in self.warnings],
            "missing": list(self.missing),
            "method": dict(self.method),
        }


class ProblemLog:
    """Collects problems while a file is read: counts every one, keeps the first of them in the order of lines."""

    def __init__(self) -> None:
        self.shown: list[Problem] = []
        self.warnings: list[Problem] = []
        self.counts: Counter[str] = Counter()
        self._missing_summary = ""

    def add(self, code: str, message: str, line: int | None = None, fix: str = "") -> None:
        """Record one problem."""
        self.add_problem(Problem(code, message, line, fix))

    def add_problem(self, problem: Problem) -> None:
        """Record one problem."""
        self.counts[problem.code] += 1
        if len(self.shown) < MAX_SHOWN:
            self.shown.append(problem)

    def add_last(self, problem: Problem) -> None:
        """Record a problem of the file as a whole: kept even when a hundred lines are wrong as well."""
        self.counts[problem.code] += 1
        self.shown = [*self.shown[: MAX_SHOWN - 1], problem]

    def extend(self, problems: Iterable[Problem]) -> None:
        """Record several problems."""
        for problem in problems:
            self.add_problem(problem)

    def add_missing(self, names: Sequence[str]) -> None:
        """Record the names the file lacks, as one problem that counts them and lists the first few."""
        if not names:
            return
        first = ", ".join(quoted(name) for name in names[:NAMES_SHOWN])
        only = "first " if len(names) > NAMES_SHOWN else ""
        self._missing_summary = f"{len(names)} name{'s' * (len(names) > 1)} missing: {only}{first}"
        fix = "Add one line for each missing name."
        self.add_last(Problem("missing_names", self._missing_summary, None, fix))

    def collapse(self, code: str, rows: int) -> None:
        """Replace a fault that every one of the rows shares by one problem at its first line."""
        if rows < 2 or self.counts[code] < rows:
            return
        first = next((problem for problem in self.shown if problem.code == code), None)
        if first is None:
            return
        self.shown = [problem for problem in self.shown if problem.code != code]
        self.shown.insert(0, replace(first, message=f"{first.message} (and so on all {rows} lines)"))
        self.counts[code] = 1

    def add_warning(self, code: str, message: str, line: int | None = None, fix: str = "") -> None:
        """Record something the sender should know that does not stop the file."""
        self.warnings.append(Problem(code, message, line, fix))

    def extend_warnings(self, warnings: Iterable[Problem]) -> None:
        """Record several warnings."""
        self.warnings.extend(warnings)

    def report(self, rows: int, method: dict[str, Any] | None = None, missing: Sequence[str] = ()) -> Report:
        """The finished report."""
        return Report(
            problems=tuple(self.shown),
            problem_count=sum(self.counts.values()),
            warnings=tuple(self.warnings[:MAX_SHOWN]),
            rows=rows,
            summary=self._summary(rows),
            method=method or {},
            missing=tuple(missing[:MAX_SHOWN]),
        )

    def _summary(self, rows: int) -> str:
        if not self.counts:
            return f"{rows} row{'s' * (rows != 1)}, no problem found" + (
                f", {len(self.warnings)} warning{'s' * (len(self.warnings) > 1)}" if self.warnings else ""
            )
        parts = []
        for code, count in self.counts.items():
            if code == "missing_names":
                parts.append(self._missing_summary)
            elif code in _SUMMARY and count > 1:
                parts.append(f"{count} {_SUMMARY[code][1]}")
            else:
                shown = next((problem for problem in self.shown if problem.code == code), None)
                parts.append(shown.message if shown else f"{count} {_SUMMARY.get(code, (code, code))[count > 1]}")
        return "; ".join(parts)


def quoted(text: str, limit: int = 80) -> str:
    """Text from a file as it may stand in a message: in quotes, control characters escaped, shortened."""
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")
