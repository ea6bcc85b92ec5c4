"""Filter and choose the prompts of a database.

Reads prompts from files, merges near-duplicates, cleans characters, removes unfit ones, and selects as many as asked
for. Writes what is kept, what was dropped and why, and a report of what each rule left.

  python -m generation prompts --input metadata.parquet --out kept.csv --target 20000 --report funnel.json
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from generation.problems import InvalidInput
from generation.prompts.candidates import METHODS
from generation.prompts.judges import Judge
from generation.prompts.options import PROFILES, Options
from generation.prompts.pipeline import RULES, Filtered, filter_prompts
from generation.prompts.reading import FORMATS, Source, read_prompts
from generation.prompts.report import funnel, write_dropped, write_kept, write_report
from generation.prompts.review import Decision, read_decisions, refuse_to_lose, write_review
from generation.prompts.text import BRACKETS, NON_ASCII

JUDGES = ("lexicon", "openai", "none")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command; those without default take the profile's value."""
    files = parser.add_argument_group("files")
    files.add_argument("--input", type=Path, action="append", required=True, help="file with prompts; may be repeated")
    files.add_argument("--column", help="column or key of the prompt (default: prompt, Prompt, caption or text)")
    files.add_argument(
        "--id-column", help="column or key of a unique id (default: DiffusionDB's image_name, else numbers)"
    )
    files.add_argument("--format", choices=sorted(set(FORMATS.values())), help="instead of the file's ending")
    files.add_argument("--encoding", default="utf-8", help="of text files (default: utf-8)")
    files.add_argument(
        "--bad-bytes", choices=("refuse", "replace"), default="refuse", help="bytes that are no text (default: refuse)"
    )
    files.add_argument("--out", type=Path, required=True, help="CSV of the kept prompts")
    files.add_argument("--dropped", type=Path, help="CSV of the dropped rows with their reasons")
    files.add_argument(
        "--report", type=Path, action="append", default=[], help="report: .json, or .md for people; may be repeated"
    )
    rules = parser.add_argument_group("rules")
    rules.add_argument("--profile", choices=sorted(PROFILES), default="paper", help="set of rules (default: paper)")
    rules.add_argument(
        "--threshold", type=_percent, help="merge prompts from this similarity on, in percent (paper: 90)"
    )
    rules.add_argument("--min-len-for-merge", type=_count, help="shorter keys merge only if equal (default: 0)")
    rules.add_argument(
        "--subject-guard", type=_percent, help="first 8 words must be this similar, too (default: 0, off)"
    )
    rules.add_argument("--candidates", choices=METHODS, help="search for similar prompts (default: auto)")
    rules.add_argument("--non-ascii", choices=NON_ASCII, help="characters outside ASCII (paper: keep; released: drop)")
    rules.add_argument("--brackets", choices=BRACKETS, help="(paper: remove)")
    rules.add_argument("--min-characters", type=_count, help="drop shorter prompts (paper: 3; released: 10)")
    rules.add_argument(
        "--words", type=Path, action="append", default=[], help="further word list (YAML); may be repeated"
    )
    rules.add_argument("--cluster-threshold", type=_percent, help="similarity within clusters (default: 80)")
    rules.add_argument("--target", type=_positive, help="select so many of what is left (default: keep all)")
    rules.add_argument("--seed", type=_count, help="seed of the selection (default: 0)")
    judge = parser.add_argument_group("judge")
    judge.add_argument(
        "--judge", choices=JUDGES, help="who judges what the words leave (paper: lexicon; released: none)"
    )
    judge.add_argument("--base-url", help="openai: address before /chat/completions, such as http://127.0.0.1:8000/v1")
    judge.add_argument("--model", help="openai: name of the model")
    judge.add_argument(
        "--api-key-env", default="OPENAI_API_KEY", help="variable with the key (default: OPENAI_API_KEY)"
    )
    judge.add_argument("--cache", type=Path, help="openai: file of known verdicts (default: OUT.verdicts.sqlite)")
    judge.add_argument("--batch", type=_positive, default=20, help="openai: prompts in a request (default: 20)")
    judge.add_argument("--workers", type=_positive, default=4, help="openai: requests at a time (default: 4)")
    judge.add_argument("--timeout", type=_positive, default=60, help="openai: seconds for a request (default: 60)")
    judge.add_argument("--review", type=Path, help="CSV of the prompts a person must decide on")
    judge.add_argument("--decisions", type=Path, help="that CSV, filled in")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    options = _options(arguments)
    source = Source(
        arguments.column,
        arguments.id_column,
        arguments.format,
        arguments.encoding,
        replace_bad_bytes=arguments.bad_bytes == "replace",
    )
    decisions = read_decisions(arguments.decisions) if arguments.decisions else {}
    _check_outputs(arguments, decisions)
    with ExitStack() as stack:
        judge = _endpoint(arguments, stack) if arguments.judge == "openai" else None
        stack.enter_context(_without_collector())
        rows = read_prompts(arguments.input, source)
        result = filter_prompts(rows, options, judge=judge, decisions=decisions)
    report = funnel(result, options)
    for path in arguments.report:
        write_report(path, report)
    if arguments.dropped:
        write_dropped(arguments.dropped, result)
    undecided = len({prompt for prompt, _ in result.doubtful} - set(decisions))
    if arguments.review:
        write_review(arguments.review, result.doubtful, decisions)
    if result.missing:
        raise InvalidInput(_too_few(result, options, undecided))
    write_kept(arguments.out, result)
    sys.stdout.write(_summary(report, undecided, arguments.review))
    return 0


def _check_outputs(arguments: argparse.Namespace, decisions: Mapping[str, Decision]) -> None:
    """Refuse before the work what could not be written after it."""
    written = [arguments.out, arguments.dropped, arguments.review, *arguments.report]
    for path in (path for path in written if path is not None):
        if not path.parent.is_dir():
            raise InvalidInput(f"{path}: there is no folder {path.parent}; create it first")
        if path.resolve() in {one.resolve() for one in arguments.input}:
            raise InvalidInput(f"{path}: is an input, too, and would be overwritten; name another file")
    if arguments.review:
        refuse_to_lose(arguments.review, decisions)


def _options(arguments: argparse.Namespace) -> Options:
    profile = PROFILES[arguments.profile]
    given: dict[str, Any] = {
        name: value
        for name in (field.name for field in dataclasses.fields(Options))
        if name not in ("profile", "judge") and (value := getattr(arguments, name, None)) is not None
    }
    if "threshold" in given:
        given["merge_exact"] = True
    if arguments.judge is not None:
        given["judge"] = arguments.judge != "none"
    return dataclasses.replace(profile, **given, word_lists=(*profile.word_lists, *arguments.words))


@contextmanager
def _without_collector() -> Iterator[None]:
    """No search for reference cycles: the rules leave none, and walking through all rows for them took a tenth of the
    time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _endpoint(arguments: argparse.Namespace, stack: ExitStack) -> Judge:
    from generation.prompts.endpoint import EndpointJudge
    from generation.prompts.judges import POLICY_VERSION
    from generation.prompts.verdicts import VerdictCache

    missing = [
        option for option, value in (("--base-url", arguments.base_url), ("--model", arguments.model)) if not value
    ]
    if missing:
        raise InvalidInput(f"--judge openai needs {' and '.join(missing)}")
    path = arguments.cache or arguments.out.with_name(arguments.out.name + ".verdicts.sqlite")
    cache = stack.enter_context(VerdictCache(path, judge=arguments.model, policy=POLICY_VERSION))
    return EndpointJudge(
        arguments.base_url,
        arguments.model,
        cache=cache,
        api_key=os.environ.get(arguments.api_key_env),
        batch=arguments.batch,
        workers=arguments.workers,
        timeout=arguments.timeout,
    )


def _too_few(result: Filtered, options: Options, undecided: int) -> str:
    left = (result.left[rule] for rule in ("judged", "words"))
    remain = next(n for n in left if n is not None)
    steps = ", ".join(f"{name} {n}" for name, n in result.left.items() if n is not None)
    fixes = ["add another --input", f"lower --target to at most {remain}"]
    if undecided:
        fixes.append(f"decide on the {undecided} prompts in doubt (--review, then --decisions)")
    if options.threshold is not None:
        fixes.append(f"raise --threshold above {options.threshold:g}")
    return (
        f"{remain} prompts remain, {result.missing} fewer than --target {options.target}; no --out was written. "
        f"Left after each rule: {steps}. You can {', '.join(fixes[:-1])} or {fixes[-1]}"
    )


def _summary(report: Mapping[str, Any], undecided: int, review: Path | None) -> str:
    lines = [
        f"{rule:9s} {'not run' if report[rule] is None else format(report[rule], ',')}" for rule in ("input", *RULES)
    ]
    if undecided:
        where = f"fill in {review} and give it" if review else "write them with --review, fill that in and give it"
        lines.append(f"in doubt and left out: {undecided:,}; to have them decided, {where} with --decisions")
    return "\n".join(lines) + "\n"


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage from 0 to 100")
    return value
