"""Command line of the library.

python -m scoring evaluate --predictions P.csv --key K.csv [--json] [--formula F | --preset NAME] [--criteria]
    [--bootstrap 1000] [--seed 0] [--refit]
python -m scoring validate --predictions P.csv --names N.csv [--json]
python -m scoring compare --key K.csv P1.csv P2.csv ... [--json] [--formula F | --preset NAME] [--metric main]
    [--test bootstrap] [--bootstrap 1000] [--seed 0] [--level 0.95]
python -m scoring presets [--json]
python -m scoring mos --ratings R.csv --out MOS.csv [--transform shift_log] [--screening srocc] [--json]
python -m scoring ceiling --ratings R.csv [--transform shift_log] [--screening srocc] [--seed 0] [--json]
python -m scoring verify-receipt R.json --key KEYS.json [--file P.csv] [--json]
python -m scoring baselines {list|run|weights|finetune|tables} ... (see docs/baselines.md)

Contract: exit status 0 when the file was scored, is valid or is genuine, 1 when it is refused (every error with its
line), 2 when the command line is wrong or a file cannot be opened. `--json` prints one JSON object on standard output,
also for refusals.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import hashlib
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scoring.formula import DEFAULT_FORMULA, METRICS, Formula, InvalidFormula
from scoring.presets import PRESETS, preset_formula
from scoring.problems import Report

TESTS = ("bootstrap", "steiger", "williams")  # as in scoring.comparison, which is not imported before it is needed
_METRICS = ("main", "srocc", "krocc", "plcc", "pearson", "plcc_logistic4", "rmse")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    from scoring.baselines.command import add_commands as add_baseline_commands  # they use the helpers below
    from scoring.opinion_cli import add_commands as add_opinion_commands

    parser = argparse.ArgumentParser(prog="python -m scoring", description=__doc__.split("\n", 1)[0])
    commands = parser.add_subparsers(required=True, metavar="command")
    evaluate = commands.add_parser("evaluate", help="score predictions against an answer key")
    evaluate.add_argument("--predictions", type=Path, required=True, help="CSV name,score or a zip holding one")
    evaluate.add_argument("--key", type=Path, required=True, help="CSV name,mos and optional subset columns")
    _add_formula(evaluate)
    evaluate.add_argument("--criteria", action="store_true", help="also errors after ITU-T P.1401, ROC analysis, pairs")
    evaluate.add_argument("--bootstrap", type=count, default=1000, help="resamples for the intervals; 0 for none")
    evaluate.add_argument("--seed", type=count, default=0, help="seed of the resamples")
    evaluate.add_argument("--refit", action="store_true", help="fit the map anew on each resample (slower)")
    evaluate.add_argument("--json", action="store_true", help="print JSON")
    evaluate.set_defaults(run=_evaluate)
    validate = commands.add_parser("validate", help="list everything wrong with a prediction file")
    validate.add_argument("--predictions", type=Path, required=True, help="CSV name,score or a zip holding one")
    validate.add_argument("--names", type=Path, required=True, help="CSV whose first or `name` column lists the names")
    validate.add_argument("--json", action="store_true", help="print JSON")
    validate.set_defaults(run=_validate)
    compare = commands.add_parser("compare", help="which differences between prediction files are real")
    compare.add_argument("predictions", type=Path, nargs="+", help="CSV name,score or zips holding one")
    compare.add_argument("--key", type=Path, required=True, help="CSV name,mos")
    _add_formula(compare)
    compare.add_argument("--metric", choices=("main", *METRICS), default="main", help="what the ranks are of")
    compare.add_argument("--test", choices=TESTS, default=TESTS[0], help="where the p-values come from")
    compare.add_argument("--bootstrap", type=count, default=1000, help="resamples, at least 2")
    compare.add_argument("--seed", type=count, default=0, help="seed of the resamples")
    compare.add_argument("--level", type=float, default=0.95, help="level of the intervals and groups")
    compare.add_argument("--json", action="store_true", help="print JSON")
    compare.set_defaults(run=_compare)
    presets = commands.add_parser("presets", help="main scores of past challenges")
    presets.add_argument("--json", action="store_true", help="print JSON")
    presets.set_defaults(run=_presets)
    add_opinion_commands(commands)
    add_baseline_commands(commands)
    receipt = commands.add_parser("verify-receipt", help="check the signature of a receipt of a challenge server")
    receipt.add_argument("receipt", type=Path, help="the JSON file that the server gave out")
    receipt.add_argument(
        "--key", type=Path, required=True, help="the server's public keys: SITE/.well-known/receipt-keys.json"
    )
    receipt.add_argument("--file", type=Path, help="the prediction file: is it the one that the receipt names?")
    receipt.add_argument("--json", action="store_true", help="print JSON")
    receipt.set_defaults(run=_verify_receipt)
    return parser


def _add_formula(parser: argparse.ArgumentParser) -> None:
    main_score = parser.add_mutually_exclusive_group()
    main_score.add_argument("--formula", type=_formula, default=Formula(DEFAULT_FORMULA), help="main score")
    main_score.add_argument(
        "--preset", dest="formula", metavar="NAME", type=_preset, help="main score of a past challenge, by name"
    )


def _formula(text: str) -> Formula:
    try:
        return Formula(text)
    except InvalidFormula as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _preset(name: str) -> Formula:
    try:
        return preset_formula(name)
    except InvalidFormula as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def count(text: str) -> int:
    """A whole number from 0, as the value of an option."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def _evaluate(arguments: argparse.Namespace) -> int:
    from scoring.answer_key import InvalidAnswerKey
    from scoring.evaluation import evaluate
    from scoring.predictions import InvalidPredictions

    try:
        evaluation = evaluate(
            arguments.predictions,
            arguments.key,
            bootstrap=arguments.bootstrap,
            seed=arguments.seed,
            refit=arguments.refit,
            formula=arguments.formula,
            criteria=arguments.criteria,
        )
    except (InvalidPredictions, InvalidAnswerKey) as error:
        path = arguments.key if isinstance(error, InvalidAnswerKey) else arguments.predictions
        print_report(error.report, path, as_json=arguments.json)
        return 1
    result = evaluation.to_dict()
    if arguments.json:
        print_json(result)
    else:
        _print_evaluation(result)
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from scoring.answer_key import InvalidAnswerKey, read_answer_key
    from scoring.comparison import compare
    from scoring.evaluation import evaluate
    from scoring.predictions import InvalidPredictions

    path = arguments.key
    try:
        key = read_answer_key(path)
        evaluations = {}
        for path, name in zip(arguments.predictions, _short_names(arguments.predictions), strict=True):
            evaluations[name] = evaluate(path, key, subsets=[], bootstrap=0, formula=arguments.formula)
    except (InvalidPredictions, InvalidAnswerKey) as error:
        print_report(error.report, path, as_json=arguments.json)
        return 1
    try:
        comparison = compare(
            evaluations,
            resamples=arguments.bootstrap,
            seed=arguments.seed,
            metric=arguments.metric,
            level=arguments.level,
            test=arguments.test,
        )
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    result = comparison.to_dict()
    if arguments.json:
        print_json(result)
    else:
        _print_comparison(result)
    return 0


def _presets(arguments: argparse.Namespace) -> int:
    if arguments.json:
        print_json({name: dataclasses.asdict(preset) for name, preset in PRESETS.items()})
        return 0
    for name, preset in PRESETS.items():
        print(f"{name}: {preset.text}\n    {preset.source}")
        for value, why in preset.given.items():
            print(f"    {value}: {why}")
    return 0


def _verify_receipt(arguments: argparse.Namespace) -> int:
    from scoring.receipts import InvalidReceipt, Verdict, read, read_keys, verify

    try:
        keys = read_keys(arguments.key.read_bytes())
    except InvalidReceipt as error:
        print(f"{arguments.key}: {error}", file=sys.stderr)
        return 2
    try:
        verdict = verify(read(arguments.receipt.read_bytes()), keys)
    except InvalidReceipt as error:
        verdict = Verdict(False, str(error))
    except ImportError as error:
        print(error, file=sys.stderr)
        return 2
    if verdict.genuine and arguments.file is not None:
        digest = hashlib.sha256(arguments.file.read_bytes()).hexdigest()
        if digest != verdict.document.get("sha256"):
            verdict = Verdict(False, f"It is genuine, but of another file: {arguments.file} differs.", verdict.document)
    if arguments.json:
        print_json(dataclasses.asdict(verdict))
    else:
        print(f"{arguments.receipt}: {'genuine' if verdict.genuine else 'NOT genuine'}. {verdict.reason}")
        print(
            "\n".join(f"  {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in verdict.document.items())
        )
    return 0 if verdict.genuine else 1


def _short_names(paths: Sequence[Path]) -> list[str]:
    """The files' names without ending; where two are the same, the paths as given (numbered if those repeat too)."""
    for names in ([path.stem for path in paths], [str(path) for path in paths]):
        if len(set(names)) == len(names):
            return names
    return [f"{i}: {path}" for i, path in enumerate(paths, start=1)]


def _validate(arguments: argparse.Namespace) -> int:
    from scoring.predictions import validate

    try:
        names = read_names(arguments.names)
    except ValueError as error:
        print(f"{arguments.names}: {error}", file=sys.stderr)
        return 2
    report = validate(arguments.predictions, names)
    print_report(report, arguments.predictions, as_json=arguments.json)
    return 0 if report.ok else 1


def read_names(path: Path) -> list[str]:
    """The names in a CSV: its column `name`, else its first column. Raises ValueError when empty or not UTF-8."""
    text = path.read_bytes().decode("utf-8-sig")
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=None)) if any(row)]
    if not rows:
        raise ValueError("the list of names is empty")
    header = [cell.lower() for cell in rows[0]]
    column = header.index("name") if "name" in header else 0
    body = rows[1:] if "name" in header else rows
    return [row[column] for row in body if len(row) > column and row[column]]


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on standard output; never NaN."""
    print(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False))


def print_report(report: Report, path: Path, *, as_json: bool) -> None:
    """Every problem of a file by line, or the report as JSON."""
    if as_json:
        print_json(report.to_dict())
        return
    for problem in report.problems:
        place = f"{path}:{problem.line}" if problem.line is not None else str(path)
        print(f"{place}: {problem.message}" + (f" [{problem.fix}]" if problem.fix else ""))
    hidden = report.problem_count - len(report.problems)
    if hidden > 0:
        print(f"... and {hidden} more")
    for warning in report.warnings:
        print(f"{path}: warning: {warning.message}")
    print(f"{path}: {report.summary}")


def _print_evaluation(result: dict[str, Any]) -> None:
    print(f"n = {result['n']}, main = {result['formula']}, scorer {result['scorer_version']}")
    for metric in _METRICS:
        value = result[metric]
        if value is None:
            print(f"{metric:15s} undefined: {result['reasons'].get(metric, '')}")
            continue
        interval = result["intervals"].get(metric)
        print(f"{metric:15s} {value:8.4f}" + (f"  [{interval[0]:.4f}, {interval[1]:.4f}]" if interval else ""))
    for name, value in result.get("criteria", {}).items():
        shown = f"{value:10,d}" if isinstance(value, int) else f"{value:10.4f}" if value is not None else ""
        print(f"{name:20s} " + (shown or f"undefined: {result['reasons'][name]}"))
    logistic = result["logistic"]
    print(
        f"logistic        {logistic['status']}, direction {logistic['direction']:+d}, monotone {logistic['monotone']}"
    )
    for column, groups in result["subsets"].items():
        for group, scores in groups.items():
            shown = "  ".join(
                f"{name} {scores[name]:.4f}" if scores[name] is not None else f"{name} -"
                for name in ("main", "srocc", "krocc", "plcc")
            )
            print(f"{column}={group}: n {scores['n']}  {shown}")
    for warning in result["warnings"]:
        print(f"warning: {warning}")


def _print_comparison(result: dict[str, Any]) -> None:
    print(
        f"{result['metric']}, n = {result['n']}, {result['resamples']} resamples, seed {result['seed']}, "
        f"level {result['level']:g}, {result['test']} test, Holm's correction over {len(result['pairs'])} pairs"
    )
    width = max(4, *(len(row["name"]) for row in result["table"]))
    print(f"rank  ranks    group  {'name':{width}s}  {'value':>8s}  {'interval':^18s}  first  p to group's leader")
    leaders: dict[int, str] = {}
    p_values = {(pair["above"], pair["below"]): pair["p_holm"] for pair in result["pairs"]}
    for row in result["table"]:
        name = f"{row['name']:{width}s}"
        if row["value"] is None:
            print(f"   -  {'':7s}  {'':5s}  {name}  undefined: {row['reason']}")
            continue
        if row["interval"] is None:
            print(f"{row['rank']:4d}  {'':7s}  {'':5s}  {name}  {row['value']:8.4f}  {row['reason']}")
            continue
        ranks = "-".join(str(rank) for rank in row["rank_interval"])
        leader = leaders.setdefault(row["group"], row["name"])
        p = p_values.get((leader, row["name"]))
        low, high = row["interval"]
        print(
            f"{row['rank']:4d}  {ranks:7s}  {row['group']:5d}  {name}  {row['value']:8.4f}  [{low:7.4f}, {high:7.4f}]"
            f"  {row['first']:5.3f}  {'' if p is None else f'{p:.4f}'}".rstrip()
        )
