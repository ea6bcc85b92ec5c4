"""Tables 2 and 3 of the paper from prediction files: every metric overall, and in default and abnormal settings.

Rows are metrics; of repeats of a fine-tuned one (NAME+finetune.SEED) the mean is shown, as in the paper, and the
standard deviation (divisor n - 1) kept. The best value of each column is marked, and the second best; values that
look the same with four digits share a mark. The paper marks both in bold. What is undefined has no mark.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scoring.answer_key import AnswerKey
from scoring.baselines.registry import find_metric
from scoring.evaluation import evaluate
from scoring.inputs import as_answer_key

CRITERIA = ("srocc", "krocc", "plcc")
OVERALL = "all"
# Columns of an answer key that say whether a setting is the default, and the paper's names of the two groups.
SUBSETS = {
    "cfg_default": ("Default CFG", "Wrong CFG"),
    "iteration_default": ("Default iteration", "Limited iteration"),
    "resolution_default": ("Default resolution", "Rectangular resolution"),
}
_TRUTH = {"true": 0, "1": 0, "yes": 0, "false": 1, "0": 1, "no": 1}
# Names that the paper's tables spell in more than one way.
_PRINTED = {"clipiq": "clipiqa", "cnniq": "cnniqa", "dbcn": "dbcnn", "hyperiq": "hyperiqa", "nique": "niqe"}
PAPER_NOTE = (
    "The paper's PLCC of HPS (all groups), of clipiqa+finetune and of CLIPScore at default resolution lie further "
    "below its SRoCC than the global least-squares fit of equation 4 would put them: expect a higher PLCC there. Its "
    "CLIPScore has ties (KRoCC / SRoCC 0.78 instead of about 0.69), as of scores in low precision; ours is float32."
)
REPEATS_NOTE = "Fine-tuned rows are means over repeats."


class InvalidTable(ValueError):
    """The tables cannot be made; the message says which file is wrong and how to mend it."""


@dataclass(frozen=True)
class Value:
    """A number of a table, None where undefined. sd: over repeats. mark: "best", "second" or "". paper: the printed."""

    value: float | None
    sd: float | None = None
    mark: str = ""
    paper: float | None = None


@dataclass(frozen=True)
class Row:
    """A metric: its file name, the title to show, its kind (perception, alignment, finetuned), values by column."""

    name: str
    title: str
    kind: str
    values: dict[tuple[str, str], Value]


@dataclass(frozen=True)
class Table:
    """columns: (group, criterion). sizes: images per group."""

    name: str
    caption: str
    groups: tuple[str, ...]
    sizes: dict[str, int]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Every column in order."""
        return [(group, criterion) for group in self.groups for criterion in CRITERIA]


def find_predictions(folder: Path) -> dict[str, Path]:
    """{metric: file}: FOLDER/NAME.csv, FOLDER/NAME/predictions.csv (of `baselines run`). Raises InvalidTable."""
    found = {path.stem: path for path in sorted(folder.glob("*.csv"))}
    for path in sorted(folder.glob("*/predictions.csv")):
        if path.parent.name in found:
            raise InvalidTable(f"{path}: there is {found[path.parent.name].name} as well: remove one")
        found[path.parent.name] = path
    if not found:
        raise InvalidTable(f"{folder}: no prediction files; looked for NAME.csv and NAME/predictions.csv")
    return found


def make_tables(predictions: Mapping[str, Any], key: Any, paper: Path | None = None) -> tuple[Table, ...]:
    """Table 2 (overall) and, where the key has columns of SUBSETS, table 3.

    predictions: {metric: anything `scoring.evaluate` takes}. paper: a folder with the paper's table2.csv and
    table3.csv, whose values are put beside. Raises InvalidTable, InvalidPredictions, InvalidAnswerKey.
    """
    answers = as_answer_key(key)
    groups = _groups(answers)
    results = {
        name: evaluate(given, answers, subsets=groups, bootstrap=0).to_dict() for name, given in predictions.items()
    }
    return _tables(results, list(groups), paper)


def tables_of_results(results: Mapping[str, Mapping[str, Any]], paper: Path | None = None) -> tuple[Table, ...]:
    """The same of what was evaluated before: {metric: Evaluation.to_dict()}, with the key's own columns as subsets.

    Raises InvalidTable.
    """
    named = {name: {**result, "subsets": _renamed(result["subsets"])} for name, result in results.items()}
    columns = [column for column in SUBSETS if any(column in result["subsets"] for result in named.values())]
    return _tables(named, columns, paper)


def _renamed(subsets: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The columns of SUBSETS alone, with the paper's names of their groups."""
    renamed: dict[str, dict[str, Any]] = {}
    for column, pair in SUBSETS.items():
        for label, scores in subsets.get(column, {}).items():
            if label.lower() not in _TRUTH:
                raise InvalidTable(f"the key's column {column} has {label!r}, not true or false")
            renamed.setdefault(column, {})[pair[_TRUTH[label.lower()]]] = scores
    return renamed


def _tables(results: Mapping[str, Mapping[str, Any]], columns: Sequence[str], paper: Path | None) -> tuple[Table, ...]:
    """Tables of results whose subsets have the paper's names."""
    by_group: dict[str, dict[str, dict[str, Any]]] = {}
    for name, result in results.items():
        whole = {OVERALL: {criterion: result[criterion] for criterion in CRITERIA} | {"n": result["n"]}}
        by_group[name] = whole | {
            group: scores for column in result["subsets"].values() for group, scores in column.items()
        }
    printed = {} if paper is None else _read_paper(paper)
    notes = ([PAPER_NOTE] if printed else []) + ([REPEATS_NOTE] if any(map(_repeat_of, results)) else [])
    names = tuple(group for column, pair in SUBSETS.items() if column in columns for group in pair)
    frames = [Table("table2", "Metrics over all images", (OVERALL,), {}, (), tuple(notes))]
    if names:
        caption = "Metrics in default and in abnormal settings of generation"
        frames.append(Table("table3", caption, names, {}, (), tuple(notes)))
    return tuple(_table(frame, by_group, printed) for frame in frames)


def _groups(answers: AnswerKey) -> dict[str, dict[str, str]]:
    """{column: {image: the paper's name of its group}}, for the columns of SUBSETS that there are."""
    named: dict[str, dict[str, str]] = {}
    for column, pair in SUBSETS.items():
        for name, label in zip(answers.names, answers.subsets.get(column, ()), strict=False):
            if label and label.lower() not in _TRUTH:
                raise InvalidTable(f"{name} in the key: {column} is {label!r}, not true or false")
            if label:
                named.setdefault(column, {})[name] = pair[_TRUTH[label.lower()]]
    return named


def _table(
    frame: Table,
    results: Mapping[str, Mapping[str, Mapping[str, Any]]],
    printed: Mapping[tuple[str, str, str], float],
) -> Table:
    """The table of which `frame` has everything but the rows and sizes."""
    families: dict[str, list[str]] = {}
    for file in results:
        families.setdefault(_repeat_of(file) or file, []).append(file)
    columns = frame.columns
    rows = []
    for family, files in families.items():
        title, kind, in_paper = _describe(family)
        values = {}
        for group, criterion in columns:
            found = [results[file].get(group, {}).get(criterion) for file in files]
            values[group, criterion] = replace(_mean(found), paper=printed.get((group, in_paper, criterion)))
        rows.append(Row(family, title, kind, values))
    order = {"perception": 0, "alignment": 1, "finetuned": 2}
    rows.sort(key=lambda row: (order[row.kind], row.name))
    first = next(iter(results.values()), {})
    sizes = {group: int(first.get(group, {}).get("n", 0)) for group in frame.groups}
    return replace(frame, sizes=sizes, rows=tuple(_marked(rows, columns)))


def _mean(values: Sequence[float | None]) -> Value:
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values):
        return Value(None)
    mean = math.fsum(numbers) / len(numbers)
    spread = math.fsum((number - mean) ** 2 for number in numbers)
    return Value(mean, math.sqrt(spread / (len(numbers) - 1)) if len(numbers) > 1 else None)


def _marked(rows: Sequence[Row], columns: Sequence[tuple[str, str]]) -> list[Row]:
    marks: dict[tuple[str, str], dict[float, str]] = {}
    for column in columns:
        shown = {round(one, 4) for row in rows if (one := row.values[column].value) is not None}
        marks[column] = dict(zip(sorted(shown, reverse=True), ("best", "second"), strict=False))

    def mark(column: tuple[str, str], value: Value) -> Value:
        return value if value.value is None else replace(value, mark=marks[column].get(round(value.value, 4), ""))

    return [replace(row, values={column: mark(column, value) for column, value in row.values.items()}) for row in rows]


def _repeat_of(name: str) -> str:
    """ "dbcnn+finetune" of "dbcnn+finetune.3"; "" for what is no repeat."""
    match = re.fullmatch(r"(.+\+finetune)\.\d+", name)
    return match[1] if match else ""


def _describe(name: str) -> tuple[str, str, str]:
    """(title, kind, name in the paper) of a metric, also of one that the registry does not know."""
    base, plus, rest = name.partition("+finetune")
    try:
        info = find_metric(base)
    except KeyError:
        return name, "perception", name
    if plus:
        return f"{info.title}, fine-tuned", "finetuned", f"{info.paper}{plus}{rest}"
    return info.title, info.group, info.paper or name


def _read_paper(folder: Path) -> dict[tuple[str, str, str], float]:
    """{(group, metric by our name, criterion): value}."""
    values = {}
    for name in ("table2.csv", "table3.csv"):
        with (folder / name).open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream):
                base, plus, rest = row["metric"].partition("+")
                metric = _PRINTED.get(base, base) + plus + rest
                values.update({(row["group"], metric, criterion): float(row[criterion]) for criterion in CRITERIA})
    return values
