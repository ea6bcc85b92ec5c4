"""The stage of prompts: filter them, have people decide on those in doubt, and keep as many as there are images."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.conf import settings

from challenge.jobs.kinds import Batch, ItemResult, JobFailed, PeopleNeeded, Task
from challenge.jobs.models import Doubt

if TYPE_CHECKING:
    from generation.prompts.judges import Judge, Verdict
    from generation.prompts.pipeline import Filtered
    from generation.prompts.reading import Row

INPUT = "input"  # folder of the file that was uploaded: whatever its name, it is none of ours
FUNNEL, FUNNEL_TEXT, KEPT, DROPPED = "funnel.json", "funnel.md", "kept.csv", "dropped.csv"
VERDICTS = "verdicts.sqlite"


def filter_them(batch: Batch) -> ItemResult:
    """Run the rules of `generation.prompts`; writes the kept and the dropped prompts and the funnel.

    Raises PeopleNeeded while prompts are in doubt that nobody has decided on, JobFailed when too few remain.
    """
    from generation.prompts.pipeline import filter_prompts
    from generation.prompts.report import funnel, write_dropped, write_kept, write_report
    from generation.prompts.review import Decision

    task = batch.task
    doubts = (
        Doubt.objects.filter(job__pk=task.id).exclude(decision=Doubt.Decision.UNDECIDED).select_related("decided_by")
    )
    decisions = {one.prompt: Decision(one.decision, f"decided by {one.decided_by or 'somebody'}") for one in doubts}
    options = _options(task)
    with _judge(task) as judge:
        result = filter_prompts(_rows(task), options, judge=judge, decisions=decisions)
    report = funnel(result, options)
    for name in (FUNNEL, FUNNEL_TEXT):
        write_report(task.folder / name, report)
    write_dropped(task.folder / DROPPED, result)
    undecided = [(prompt, verdict) for prompt, verdict in result.doubtful if prompt not in decisions]
    if undecided and task.parameters["ask_people"] and not batch.went_on:
        count = len({prompt for prompt, _ in undecided})
        raise PeopleNeeded(
            f"The judge is unsure of {count:,} prompts: accept or reject them, then let the job go on.",
            before=lambda: _store(task, undecided),
        )
    if result.missing:
        raise JobFailed(_too_few(task, result))
    write_kept(task.folder / KEPT, result)
    left = {rule: number for rule, number in result.left.items() if number is not None}
    return ItemResult({"kept": len(result.kept), "dropped": len(result.dropped), **left})


def _rows(task: Task) -> Sequence[Row]:
    from generation.demo.vocabulary import all_prompts
    from generation.prompts.reading import Row, Source, read_prompts

    name = task.parameters["prompts"]
    if name:
        return read_prompts([task.folder / INPUT / name], Source(column=task.parameters["column"] or None))
    return [Row(f"p{number:07d}", text, "shapes", number, False) for number, text in enumerate(all_prompts(), start=1)]


@contextmanager
def _judge(task: Task) -> Iterator[Judge | None]:
    """The model of the settings where the job asks for it, else None: the word lists. Its verdicts are kept in the
    job's folder, so that a run which is taken up again asks only what is open."""
    from generation.problems import InvalidInput
    from generation.prompts.endpoint import EndpointJudge
    from generation.prompts.judges import POLICY_VERSION
    from generation.prompts.verdicts import VerdictCache

    if task.parameters["judge"] != "openai":
        yield None
        return
    url, model = settings.PROMPT_JUDGE_URL, settings.PROMPT_JUDGE_MODEL
    if not (url and model):
        raise InvalidInput("This worker knows no judge: set PROMPT_JUDGE_URL and PROMPT_JUDGE_MODEL, then retry.")
    with VerdictCache(task.folder / VERDICTS, judge=model, policy=POLICY_VERSION) as cache:
        yield EndpointJudge(url, model, cache=cache, api_key=settings.PROMPT_JUDGE_API_KEY or None)


def _options(task: Task) -> Any:
    from generation.prompts.options import PROFILES

    parameters = task.parameters
    return dataclasses.replace(
        PROFILES["paper"],
        threshold=parameters["threshold"] if parameters["prompts"] else None,
        judge=parameters["judge"] != "none",
        target=parameters["images"],
        seed=parameters["seed"],
    )


def _store(task: Task, undecided: Sequence[tuple[str, Verdict]]) -> None:
    """In the queue for people; what is there already keeps its decision."""
    rows = [
        Doubt(
            job_id=task.id,
            prompt=prompt,
            prompt_sha256=hashlib.sha256(prompt.encode()).hexdigest(),
            category=verdict.category[:40],
            reason=verdict.reason,
            judge=verdict.judge[:200],
        )
        for prompt, verdict in undecided
    ]
    Doubt.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)


def _too_few(task: Task, result: Filtered) -> str:
    steps = ", ".join(f"{rule} {left:,}" for rule, left in result.left.items() if left is not None)
    wanted = task.parameters["images"]
    return (
        f"{wanted - result.missing:,} prompts remain for {wanted:,} images (left after each rule: {steps}). Start "
        "another job with more prompts, fewer images, or a higher similarity from which prompts merge."
    )
