"""Raw ratings of published images, by pseudonyms.

Ratings of images of hidden splits are left out: their mean would be the hidden MOS. So are columns that are not listed
here, which may hold who a subject is or when they sat down. Subjects become S001, S002, ... in random order, and the
key stays in the private folder, so that a subject can still withdraw; sessions that are not whole numbers become
numbers, equal for equal labels.
"""

from __future__ import annotations

import csv
import io
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from generation.problems import InvalidInput
from generation.release.columns import Value, parse
from generation.release.commitment import write_private
from generation.tables import Table, read_table

REQUIRED = ("subject", "image", "session", "rating")
OPTIONAL = ("scale", "position")
KEY = "subjects.csv"
_KINDS = {"rating": "number", "scale": "text", "position": "whole"}


@dataclass(frozen=True)
class Ratings:
    """Released rows sorted by image, subject and session; how many ratings and which columns were left out."""

    columns: Mapping[str, str]
    rows: Sequence[dict[str, Value]]
    left_out: int
    columns_left_out: Sequence[str]

    def of(self, names: Set[str]) -> Ratings:
        """Only the ratings of the images in `names`."""
        rows = [row for row in self.rows if row["image"] in names]
        return replace(self, rows=rows, left_out=self.left_out + len(self.rows) - len(rows))

    def by_subject(self) -> list[tuple[str, int, int]]:
        """(subject, number of ratings, number of sessions) of each subject with a released rating."""
        ratings = Counter(str(row["subject"]) for row in self.rows)
        sessions = {(row["subject"], row["session"]) for row in self.rows}
        counted = Counter(str(subject) for subject, _ in sessions)
        return [(subject, ratings[subject], counted[subject]) for subject in sorted(ratings)]


def load_ratings(path: Path, published: Set[str], private: Path) -> Ratings:
    """Read subject, image, session, rating (and scale, position) and keep the ratings of the images in `published`.

    The key of pseudonyms is read from the private folder and grows there. Raises InvalidInput with the line of every
    fault.
    """
    table = read_table(path, REQUIRED)
    given = ["rating", *(column for column in OPTIONAL if column in table.columns)]
    columns = {"subject": "text", "image": "text", "session": "whole", **{column: _KINDS[column] for column in given}}
    key = _pseudonyms(table, private / KEY)
    sessions = _sessions(table)
    rows: list[dict[str, Value]] = []
    problems: list[str] = []
    for i, row in enumerate(table.rows):
        if row["image"] not in published:
            continue
        released: dict[str, Value] = {
            "subject": key[row["subject"]],
            "image": row["image"],
            "session": sessions[row["session"]],
        }
        for column in given:
            try:
                released[column] = parse(row[column], columns[column])
            except ValueError as error:
                problems.append(f"{table.place(i)}: {column} is {error}")
        if not row["rating"].strip():
            problems.append(f"{table.place(i)}: the rating is empty")
        rows.append(released)
    if not rows:
        problems.append(f"{path}: has no rating of a published image: the names must be those of the table of images")
    if problems:
        raise InvalidInput(*problems)
    rows.sort(key=lambda row: (row["image"], row["subject"], row["session"], str(row.get("scale"))))
    unknown = [column for column in table.columns if column not in columns]
    return Ratings(columns, rows, len(table.rows) - len(rows), unknown)


def _pseudonyms(table: Table, path: Path) -> dict[str, str]:
    """{subject: pseudonym}, as in the file of the key; subjects that it lacks are added in random order."""
    key: dict[str, str] = {}
    if path.exists():
        known = read_table(path, ["subject", "pseudonym"])
        key = dict(zip(known.unique("subject"), known.unique("pseudonym"), strict=True))
    new = sorted({row["subject"] for row in table.rows} - key.keys())
    secrets.SystemRandom().shuffle(new)
    key |= {subject: f"S{number:03d}" for number, subject in enumerate(new, start=len(key) + 1)}
    if new:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["subject", "pseudonym"])
        writer.writerows(key.items())
        write_private(path, text.getvalue().encode())
    return key


def _sessions(table: Table) -> dict[str, int]:
    labels = list(dict.fromkeys(row["session"] for row in table.rows))
    if all(label.strip().isdecimal() for label in labels):
        return {label: int(label) for label in labels}
    return {label: number for number, label in enumerate(labels, start=1)}
