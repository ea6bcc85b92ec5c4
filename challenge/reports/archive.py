"""The report as files: `report.tex`, `teams.bib`, tables as CSV in full precision, all of it as JSON; in one zip."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from challenge.core.export import csv_text
from challenge.leaderboards.export import COLUMNS, board_rows
from challenge.reports.latex import report_tex, teams_bib
from challenge.reports.models import FactSheet
from challenge.reports.report import Entry, Report
from challenge.reports.reproductions import Comparison
from challenge.reports.services import FIELDS

FACT_COLUMNS = ("rank", "team", "status", *FIELDS, "authors", "contact", "files")
REPRODUCTION_COLUMNS = (
    *("team", "submission", "sha256", "submitted_main", "reproduced_main", "difference", "tolerance", "verdict"),
    *("n", "unmatched", "differing", "max_difference", "mean_difference", "srocc", "note"),
)
# The earliest time a zip can hold: the same report is the same bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def report_zip(report: Report) -> bytes:
    """All files of the report in one archive, a few hundred kilobytes at most."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, text in report_files(report).items():
            member = zipfile.ZipInfo(name, _NO_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            packed.writestr(member, text)
    return buffer.getvalue()


def report_files(report: Report) -> dict[str, str]:
    """File name -> text."""
    return {
        "report.tex": report_tex(report),
        "teams.bib": teams_bib(report),
        "results.csv": csv_text(COLUMNS, board_rows((entry.row for entry in report.entries), None)),
        "facts.csv": csv_text(FACT_COLUMNS, [_fact_cells(entry) for entry in report.teams]),
        "reproductions.csv": csv_text(
            REPRODUCTION_COLUMNS, [_reproduction_cells(entry, found, report) for entry, found in report.reproduced]
        ),
        "report.json": json.dumps(as_json(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
    }


def as_json(report: Report) -> dict[str, Any]:
    """The same as one document; undefined is null."""
    return {
        "challenge": report.phase.challenge.slug,
        "phase": report.phase.slug,
        "formula": report.phase.formula,
        "tolerance": report.tolerance,
        "results": [
            dict(zip(COLUMNS, cells, strict=True))
            for cells in board_rows((entry.row for entry in report.entries), None)
        ],
        "teams": [
            {
                "team": entry.row.label,
                "status": entry.status,
                "facts": sheet_values(entry.facts) if entry.facts else None,
                "reproduction": _comparison(entry.comparison) if entry.comparison else None,
            }
            for entry in report.teams
        ],
    }


def sheet_values(sheet: FactSheet) -> dict[str, Any]:
    """The fields of a sheet, its authors and its files as JSON values."""
    return {
        **{name: getattr(sheet, name) for name in FIELDS},
        "authors": [
            {"name": author.name, "affiliation": author.affiliation, "email": author.email}
            for author in sheet.authors.all()
        ],
        "files": [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in sheet.attachments.all()],
    }


def _comparison(found: Comparison) -> dict[str, Any]:
    return {
        "sha256": found.reproduction.sha256,
        "submitted_main": found.submitted,
        "reproduced_main": found.reproduced,
        "difference": found.difference,
        "verdict": found.verdict,
        **found.agreement,
        "note": found.reproduction.note,
    }


def _fact_cells(entry: Entry) -> list[object]:
    sheet = entry.facts
    if sheet is None:
        return [entry.row.rank, entry.row.label, entry.status, *[None] * (len(FACT_COLUMNS) - 3)]
    authors = list(sheet.authors.all())
    return [
        *(entry.row.rank, entry.row.label, entry.status, *(getattr(sheet, name) for name in FIELDS)),
        "; ".join(f"{author.name} ({', '.join(author.affiliations)})" for author in authors),
        next((author.email for author in authors if author.email), None),
        "; ".join(f"{file.name} {file.sha256}" for file in sheet.attachments.all()),
    ]


def _reproduction_cells(entry: Entry, found: Comparison, report: Report) -> list[object]:
    told = {
        "team": entry.row.label,
        "submission": str(entry.row.submission_id),
        "tolerance": report.tolerance,
        **_comparison(found),
    }
    return [told[column] for column in REPRODUCTION_COLUMNS]
