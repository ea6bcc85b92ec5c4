r"""The report as LaTeX and BibTeX: a document that stands by itself, in the order of the reports of NTIRE challenges.

Results and facts as booktabs tables, reproductions, a paragraph on each method, then teams with members and
affiliations. Everything that people typed goes through `scoring.latex`. pdfLaTeX, XeLaTeX and LuaLaTeX compile it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from challenge.leaderboards.board import METRICS, Row
from challenge.reports.models import FactSheet
from challenge.reports.report import Entry, Report
from scoring.latex import cite_keys, escaped, number, paragraphs, unicode_fallbacks, url

HEADS = {"main": "Main", "srocc": "SRoCC", "krocc": "KRoCC", "plcc": "PLCC", "rmse": "RMSE"}
DASH = "--"


def report_tex(report: Report) -> str:
    """The whole document."""
    body = "\n\n".join(
        [
            rf"\title{{{escaped(report.phase.challenge.title)}: {escaped(report.phase.title)}}}",
            "\\author{}\n\\date{}\n\\maketitle",
            r"\section{Results}",
            _results(report),
            r"\section{Methods}",
            _facts(report),
            *_reproductions(report),
            *(_method(entry, sheet, key) for (entry, sheet), key in zip(report.described, _keys(report), strict=True)),
            r"\section{Teams and affiliations}",
            *(_team(entry, sheet) for entry, sheet in report.described),
            *(["\\bibliographystyle{plain}\n\\bibliography{teams}"] if any(_keys(report)) else []),
        ]
    )
    return "\n".join([*_preamble(body), r"\begin{document}", body, r"\end{document}", ""])


def teams_bib(report: Report) -> str:
    """A BibTeX entry for each team that named a reference; empty where none did."""
    entries = [_reference(sheet, key) for (_, sheet), key in zip(report.described, _keys(report), strict=True) if key]
    return "\n".join(entries)


def _preamble(body: str) -> list[str]:
    return [
        r"\documentclass{article}",
        r"\usepackage{iftex}",
        r"\ifPDFTeX",
        r"\usepackage[utf8]{inputenc}",
        r"\usepackage[T1]{fontenc}",
        r"\usepackage{textcomp}",
        *unicode_fallbacks(body),
        r"\else",
        r"\usepackage{fontspec}",
        r"\fi",
        r"\usepackage[margin=2.5cm]{geometry}",
        r"\usepackage{booktabs}",
        r"\usepackage[hidelinks]{hyperref}",
    ]


def _table(caption: str, columns: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" & ".join(row) + r" \\" for row in rows] or [rf"\multicolumn{{{len(heads)}}}{{c}}{{none}} \\"]
    return "\n".join(
        [
            r"\begin{table}[ht]",
            r"\centering\small",
            rf"\caption{{{caption}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(heads) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def _results(report: Report) -> str:
    """Rank, name and metrics of every row of the board; intervals and ranks' intervals where the board has them."""
    rows = [entry.row for entry in report.entries]
    metrics = [metric for metric in METRICS if metric == "main" or any(metric in row.scores for row in rows)]
    has_interval = any(row.interval for row in rows)
    has_ranks = any(row.rank_interval for row in rows)
    heads = ["Rank", *(["Ranks (95\\,\\%)"] if has_ranks else []), "Team", *(HEADS[metric] for metric in metrics)]
    heads += ["Main, 95\\,\\%"] if has_interval else []
    lines = []
    for entry in report.entries:
        row = entry.row
        cells = [DASH if row.rank is None else str(row.rank)]
        cells += [_rank_interval(row)] if has_ranks else []
        cells += [_named(entry), *(number(row.scores.get(metric), report.decimals) for metric in metrics)]
        cells += [_interval(row, report.decimals)] if has_interval else []
        lines.append(cells)
    caption = f"Results. Main score: {escaped(report.phase.formula)}. Reference rows in italics have no rank."
    columns = "r" + "c" * has_ranks + "l" + "c" * (len(metrics) + has_interval)
    return _table(caption, columns, heads, lines)


def _named(entry: Entry) -> str:
    name = escaped(entry.title)
    if entry.row.is_reference:
        return rf"\textit{{{name}}}"
    return f"{name} (late)" if entry.row.is_late else name


def _interval(row: Row, decimals: int) -> str:
    return DASH if row.interval is None else ", ".join(number(end, decimals) for end in row.interval)


def _rank_interval(row: Row) -> str:
    return DASH if row.rank_interval is None else " to ".join(map(str, row.rank_interval))


def _facts(report: Report) -> str:
    heads = ["Team", "Method", "Runtime [s]", "Device", "Parameters [M]", "Extra data", "Ensemble"]
    return _table(
        "Facts, as the teams state them. Runtime is per image.",
        "llrlrcc",
        heads,
        (_fact_row(entry) for entry in report.teams),
    )


def _fact_row(entry: Entry) -> list[str]:
    sheet = entry.facts
    if sheet is None:
        return [escaped(entry.title), *[DASH] * 6]
    return [
        *(escaped(entry.title), escaped(sheet.method_name), _plain(sheet.runtime_s), escaped(sheet.device)),
        *(_plain(sheet.parameters_m), _yes(sheet.extra_data), _yes(sheet.ensemble)),
    ]


def _plain(value: float | None) -> str:
    return DASH if value is None else escaped(f"{value:.6g}")


def _yes(value: bool | None) -> str:
    return DASH if value is None else "yes" if value else "no"


def _reproductions(report: Report) -> list[str]:
    """A table of the methods that were run again; nothing where none was."""
    if not report.reproduced:
        return []
    lines = [
        [
            *(
                escaped(entry.title),
                number(found.submitted, report.decimals),
                number(found.reproduced, report.decimals),
            ),
            *(_small(found.difference), _small(found.agreement["max_difference"])),
            *(_small(found.agreement["mean_difference"]), number(found.agreement["srocc"], 4)),
            *(str(found.agreement["differing"]), found.verdict),
        ]
        for entry, found in report.reproduced
    ]
    heads = ["Team", "Submitted", "Reproduced", "Difference", "Max.", "Mean", "SRoCC", "Differing", "Verdict"]
    caption = (
        "Methods run again by the organisers: main scores, then the absolute differences of the two files, their "
        f"rank correlation and the number of images whose scores differ. Tolerance: {_plain(report.tolerance)}."
    )
    return [_table(caption, "l" + "r" * 7 + "l", heads, lines)]


def _small(value: float | None) -> str:
    """A difference: four significant digits, which may be many decimals."""
    if value is None:
        return DASH
    mantissa, _, exponent = f"{value:.4g}".partition("e")
    shown = mantissa.replace("-", "$-$")
    return rf"{shown}$\times 10^{{{int(exponent)}}}$" if exponent else shown


def _method(entry: Entry, sheet: FactSheet, key: str) -> str:
    name = escaped(sheet.method_name)
    cited = rf"~\cite{{{key}}}" if key else ""
    parts = [
        rf"\subsection{{{escaped(entry.title)}: {name}}}",
        f"{paragraphs(sheet.description)}{cited}",
        rf"\textbf{{Training data.}} {paragraphs(sheet.training_data)}",
    ]
    if sheet.ensemble and sheet.ensemble_details:
        parts.append(rf"\textbf{{Ensemble.}} {escaped(sheet.ensemble_details)}")
    if sheet.code_url:
        parts.append(rf"\textbf{{Code.}} \url{{{url(sheet.code_url)}}}")
    return "\n\n".join(parts)


def _team(entry: Entry, sheet: FactSheet) -> str:
    """Title, members with the numbers of their affiliations, and whom to write to: the block of NTIRE reports."""
    authors = list(sheet.authors.all())
    places = list(dict.fromkeys(place for author in authors for place in author.affiliations))
    contact = next((author for author in authors if author.email), None)
    members = []
    for author in authors:
        numbers = ",".join(str(places.index(place) + 1) for place in author.affiliations)
        address = rf" (\texttt{{{escaped(author.email)}}})" if author is contact else ""
        members.append(rf"{escaped(author.name)}$^{{{numbers}}}${address}")
    affiliations = [f"$^{{{place}}}$ {escaped(name)}" for place, name in enumerate(places, start=1)]
    return "\n\n".join(
        [
            rf"\subsection*{{{escaped(entry.title)}}}",
            rf"\textbf{{Title:}} {escaped(sheet.reference_title or sheet.method_name)}",
            rf"\textbf{{Members:}} {', '.join(members)}",
            rf"\textbf{{Affiliations:}} {'; '.join(affiliations)}",
        ]
    )


def _keys(report: Report) -> list[str]:
    """The BibTeX key of each described team; "" for those that name no reference."""
    keys = cite_keys(entry.title for entry, _ in report.described)
    return [key if sheet.reference_title else "" for key, (_, sheet) in zip(keys, report.described, strict=True)]


def _reference(sheet: FactSheet, key: str) -> str:
    stated = [name.strip() for name in sheet.reference_authors.split(";") if name.strip()]
    names = stated or [author.name for author in sheet.authors.all()]
    # In braces of its own a name is printed as it stands: no «and» or comma in it means anything.
    fields = {
        "title": f"{{{escaped(sheet.reference_title)}}}",
        "author": " and ".join(f"{{{escaped(name)}}}" for name in names),
        "howpublished": escaped(sheet.reference_venue),
        "year": "" if sheet.reference_year is None else str(sheet.reference_year),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{key},", *lines, "}", ""])
