"""A table as LaTeX (booktabs), CSV, Markdown and JSON. Four digits; undefined is a dash, and null in JSON.

LaTeX and Markdown: the best of each column bold, the second best underlined; the paper's value behind it in brackets.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from itertools import groupby

from scoring.baselines.tables import CRITERIA, OVERALL, Table, Value
from scoring.latex import escaped, number

_HEADS = {"srocc": "SRoCC", "krocc": "KRoCC", "plcc": "PLCC"}


def latex(table: Table) -> str:
    """A tabular for \\usepackage{booktabs}, kinds of metrics apart from each other; notes as comments above."""
    width = len(CRITERIA)
    lines = [f"% {note}" for note in table.notes]
    lines += [rf"\begin{{tabular}}{{l{'c' * len(table.columns)}}}", r"\toprule"]
    if table.groups != (OVERALL,):
        heads = [rf"\multicolumn{{{width}}}{{c}}{{{escaped(group)}}}" for group in table.groups]
        rules = [rf"\cmidrule(lr){{{2 + width * i}-{1 + width * (i + 1)}}}" for i in range(len(table.groups))]
        lines += [" & ".join(["", *heads]) + r" \\", "".join(rules)]
    lines.append(" & ".join(["Metric", *(_HEADS[criterion] for _, criterion in table.columns)]) + r" \\")
    for _, rows in groupby(table.rows, key=lambda row: row.kind):
        lines.append(r"\midrule")
        for row in rows:
            cells = [_in_latex(row.values[column]) for column in table.columns]
            lines.append(" & ".join([escaped(row.title), *cells]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def markdown(table: Table) -> str:
    """A table of GitHub's kind under its caption, with the number of images and the notes below."""
    heads = [_HEADS[name] if group == OVERALL else f"{group}: {_HEADS[name]}" for group, name in table.columns]
    lines = [f"**{table.caption}**", "", "| Metric | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for row in table.rows:
        cells = [_in_markdown(row.values[column]) for column in table.columns]
        lines.append("| " + " | ".join([row.title, *cells]) + " |")
    sizes = ", ".join(f"{group}: {count:,}" for group, count in table.sizes.items())
    return "\n".join([*lines, "", f"Images: {sizes}.", *(f"\n{note}" for note in table.notes), ""])


def comma_separated(table: Table) -> str:
    """One line per group and metric, full precision, in the layout of the paper's transcribed tables."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    extra = [f"{name}_{what}" for name in CRITERIA for what in ("sd", "mark", "paper")]
    writer.writerow(["group", "type", "metric", "n", *CRITERIA, *extra])
    for group in table.groups:
        for row in table.rows:
            values = [row.values[group, name] for name in CRITERIA]
            more = [cell for value in values for cell in (value.sd, value.mark, value.paper)]
            cells = ["" if cell is None else cell for cell in [*(value.value for value in values), *more]]
            writer.writerow([group, row.kind, row.name, table.sizes[group], *cells])
    return text.getvalue()


def as_json(table: Table) -> str:
    """{name, caption, sizes, notes, rows: [{name, title, kind, groups: {group: {criterion: {...}}}}]}."""
    rows = [
        {
            "name": row.name,
            "title": row.title,
            "kind": row.kind,
            "groups": {group: {name: vars(row.values[group, name]) for name in CRITERIA} for group in table.groups},
        }
        for row in table.rows
    ]
    head = {"name": table.name, "caption": table.caption, "sizes": table.sizes, "notes": list(table.notes)}
    return json.dumps({**head, "rows": rows}, indent=2, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[Table], str]] = {
    "tex": latex,
    "md": markdown,
    "csv": comma_separated,
    "json": as_json,
}


def _in_latex(value: Value) -> str:
    shown = number(value.value, 4)
    shown = {"best": rf"\textbf{{{shown}}}", "second": rf"\underline{{{shown}}}"}.get(value.mark, shown)
    return shown if value.paper is None else rf"{shown} ({value.paper:.4f})"


def _in_markdown(value: Value) -> str:
    if value.value is None:
        shown = "–"
    else:
        shown = f"{value.value:.4f}"
        shown = {"best": f"**{shown}**", "second": f"<u>{shown}</u>"}.get(value.mark, shown)
    return shown if value.paper is None else f"{shown} ({value.paper:.4f})"
