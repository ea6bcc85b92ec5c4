"""What a run did: the funnel as JSON and Markdown, and the tables of kept and dropped prompts as CSV."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from generation.files import whole_file
from generation.prompts.options import Options
from generation.prompts.pipeline import RULES, Filtered
from generation.prompts.tokens import LENGTH_BINS
from generation.prompts.words import read_word_list

_ORIGIN = ("file", "place", "damaged")
KEPT_COLUMNS = ("id", "prompt", "characters", "tokens", "length_bin", "cluster", "count", *_ORIGIN)
DROPPED_COLUMNS = ("id", "rule", "reason", "merged_into", "similarity", "detail", "prompt", *_ORIGIN)
_EXAMPLES = 3
# Examples of these rules are given by id only: their text is what people should not have to read.
_UNPRINTED = ("words", "judged")


def funnel(result: Filtered, options: Options) -> dict[str, Any]:
    """The report. First the rows left after each rule, in order (None: not run), then settings, reasons and examples.

    No times and no paths: the same input and settings give the same report.
    """
    inputs = Counter(row.file for row in result.rows)
    damaged = Counter(row.file for row in result.rows if row.damaged)
    lists = [read_word_list(path) for path in options.word_lists]
    settings = {k: v for k, v in dataclasses.asdict(options).items() if k not in ("profile", "word_lists", "judge")}
    return {
        **result.left,
        "profile": options.profile,
        "options": settings,
        "inputs": [{"file": file, "rows": n, "damaged": damaged[file]} for file, n in inputs.items()],
        "word_lists": [
            {
                "name": one.name,
                "tier": one.tier,
                "entries": len(one.entries),
                "source": one.source,
                "licence": one.licence,
            }
            for one in lists
        ],
        "judge": _judge(result),
        "dropped": _reasons(result),
        "length_bins": {
            name: {"survivors": result.survivors.get(name, 0), "kept": sum(k.length_bin == name for k in result.kept)}
            for name in LENGTH_BINS
        },
        "clusters": len({kept.cluster for kept in result.kept}),
        "examples": _examples(result),
        "versions": {name: version(name) for name in ("rapidfuzz", "rensa", "ftfy")},
    }


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write the report: Markdown where the name ends in .md, else JSON."""
    with whole_file(path) as stream:
        if path.suffix.lower() == ".md":
            stream.write(markdown(report))
        else:
            json.dump(report, stream, indent=2, ensure_ascii=False, allow_nan=False)
            stream.write("\n")


def markdown(report: Mapping[str, Any]) -> str:
    """The report for people."""
    lines = ["# Prompts: what each rule left", "", f"Profile `{report['profile']}`.", ""]
    lines += ["| after | prompts | dropped | of those before |", "|---|---|---|---|"]
    before = report["input"]
    for rule in ("input", *RULES):
        left = report[rule]
        if left is None:
            lines.append(f"| {rule} | not run | | |")
        else:
            share = f"{(before - left) / before:.2%}" if before else ""
            lines.append(f"| {rule} | {left:,} | {before - left:,} | {share} |")
            before = left
    lines += ["", "## Why rows were dropped", "", "| rule | reason | rows |", "|---|---|---|"]
    for rule, reasons in report["dropped"].items():
        lines += [f"| {rule} | {_cell(reason)} | {n:,} |" for reason, n in reasons.items()]
    if report["judge"]:
        said = ", ".join(f"{label} {n:,}" for label, n in sorted(report["judge"]["verdicts"].items()))
        lines += [
            "",
            f"Judge: {_cell(report['judge']['name'])}, policy {report['judge']['policy']}: {said or 'nothing'}.",
        ]
    lines += ["", "## Length in CLIP tokens", "", "| tokens | before selection | kept |", "|---|---|---|"]
    lines += [f"| {_cell(name)} | {n['survivors']:,} | {n['kept']:,} |" for name, n in report["length_bins"].items()]
    lines += ["", f"Clusters of similar prompts among the kept: {report['clusters']:,}.", "", "## Examples", ""]
    lines += ["| rule | id | why | merged into | similarity | prompt |", "|---|---|---|---|---|---|"]
    for rule, examples in report["examples"].items():
        for one in examples:
            similarity = "" if one["similarity"] is None else f"{one['similarity']:.1f}"
            cells = (rule, one["id"], one["reason"], one["merged_into"], similarity, one["prompt"])
            lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    lines += ["", "## Settings and sources", ""]
    lines += [f"- {name}: {value}" for name, value in report["options"].items()]
    lines += [f"- {one['file']}: {one['rows']:,} rows, {one['damaged']:,} damaged" for one in report["inputs"]]
    lines += [f"- {one['name']} ({one['tier']}): {one['source']}, {one['licence']}" for one in report["word_lists"]]
    lines += [f"- {name} {number}" for name, number in report["versions"].items()]
    return "\n".join(lines) + "\n"


def write_kept(path: Path, result: Filtered) -> None:
    """Write the kept prompts, in the order of the input."""
    with whole_file(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(KEPT_COLUMNS)
        for one in result.kept:
            length = (one.characters, one.tokens, one.length_bin)
            place = (one.row.file, one.row.place, int(one.row.damaged))
            writer.writerow((one.row.id, one.text, *length, one.cluster, one.count, *place))


def write_dropped(path: Path, result: Filtered) -> None:
    """Write the dropped rows as they were found, with rule and reason, in the order of the input."""
    with whole_file(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(DROPPED_COLUMNS)
        for index, drop in result.dropped.items():
            row = result.rows[index]
            similarity = "" if drop.similarity is None else f"{drop.similarity:.4f}"
            why = (drop.rule, drop.reason, drop.merged_into, similarity, drop.detail)
            writer.writerow((row.id, *why, row.text, row.file, row.place, int(row.damaged)))


def _judge(result: Filtered) -> dict[str, Any] | None:
    if result.judge is None:
        return None
    name, policy = result.judge
    return {"name": name, "policy": policy, "verdicts": dict(result.verdicts), "doubtful": len(result.doubtful)}


def _reasons(result: Filtered) -> dict[str, dict[str, int]]:
    counts = Counter((drop.rule, drop.reason) for drop in result.dropped.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {
        rule: {reason: n for (of, reason), n in ordered if of == rule}
        for rule in RULES
        if result.left[rule] is not None
    }


def _examples(result: Filtered) -> dict[str, list[dict[str, Any]]]:
    """The first few dropped rows of each rule."""
    examples: dict[str, list[dict[str, Any]]] = {}
    for index, drop in result.dropped.items():
        of_rule = examples.setdefault(drop.rule, [])
        if len(of_rule) < _EXAMPLES:
            text = "" if drop.rule in _UNPRINTED else result.rows[index].text
            why = {"reason": drop.reason, "merged_into": drop.merged_into, "similarity": drop.similarity}
            of_rule.append({"id": result.rows[index].id, **why, "prompt": text})
    return {rule: examples[rule] for rule in RULES if rule in examples}


def _cell(value: object) -> str:
    """Text for one cell of a Markdown table: no line break, no bar, no markup."""
    text = " ".join(str(value).split())
    for mark in "\\`*_|[]<>":
        text = text.replace(mark, "\\" + mark)
    return text
