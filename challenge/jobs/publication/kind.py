"""Publishing: one item per file of the release."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from django import forms

from challenge.contests.models import Challenge, Phase
from challenge.datasets.releases import InvalidRelease, Release, add_files, chosen, read_release
from challenge.jobs.database.steps import RELEASE
from challenge.jobs.folders import folder_of
from challenge.jobs.kinds import Batch, Finished, ItemResult, JobFailed, JobKind, NewItem, Stage, Task
from challenge.jobs.publication.form import PublicationForm

LEFT_OUT = ("imagefolder/*",)  # as many files as images: the Parquet and tar files hold them, too


class Publication(JobKind):
    """A release on a data page. Doing it twice adds nothing twice."""

    name = "publication"
    title = "Publish a release"
    description = "Puts the files of a release onto the data page of a challenge."
    stages: ClassVar = (Stage("files", "Files", unit="files", limit_seconds=3600.0),)
    priority = 10
    offered = False

    def form(self, data: Any = None, files: Any = None) -> forms.Form:
        """The form that the page of a database job shows."""
        return PublicationForm(data)

    def parameters(self, cleaned: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """The rows by what identifies them."""
        phase = cleaned["phase"]
        return {
            "job": str(cleaned["job"]),
            "challenge": cleaned["challenge"].slug,
            "phase": phase.slug if phase else "",
            "audience": cleaned["audience"],
            "hidden": cleaned["hidden"],
        }

    def items(self, task: Task, stage: str) -> Iterable[NewItem]:
        """What SHA256SUMS lists, but hidden splits where they stay hidden, and single images."""
        with _problems_told():
            release = _release(task)
            files, _ = chosen(release, with_hidden=task.parameters["hidden"], exclude=list(LEFT_OUT))
        return [NewItem(f"file {number}", "", {"name": listed.path}) for number, listed in enumerate(files, start=1)]

    def run(self, batch: Batch) -> Sequence[ItemResult]:
        """Add the file, verified while it is stored."""
        parameters = batch.task.parameters
        with _problems_told():
            release = _release(batch.task)
            challenge, phase = _place(parameters)
            results = []
            for item in batch.items:
                files = [listed for listed in release.files if listed.path == item.parameters["name"]]
                added = add_files(
                    challenge=challenge,
                    release=release,
                    files=files,
                    audience=parameters["audience"],
                    phase=phase,
                    licence=release.licence,
                )
                results.append(ItemResult({"added": sum(is_new for _, is_new in added)}))
        return results

    def finish_stage(self, task: Task, stage: str, done: Iterable[Finished]) -> None:
        """Nothing is left to do."""


def _release(task: Task) -> Release:
    return read_release(folder_of(task.parameters["job"]) / RELEASE)


def _place(parameters: Mapping[str, Any]) -> tuple[Challenge, Phase | None]:
    challenge = Challenge.objects.filter(slug=parameters["challenge"]).first()
    if challenge is None:
        raise JobFailed(f"The challenge {parameters['challenge']} is gone.")
    if not parameters["phase"]:
        return challenge, None
    phase = challenge.phases.filter(slug=parameters["phase"]).first()
    if phase is None:  # without it the files would be out at once
        raise JobFailed(
            f"The challenge has no phase {parameters['phase']} any more, after whose opening files come out."
        )
    return challenge, phase


@contextlib.contextmanager
def _problems_told() -> Iterator[None]:
    try:
        yield
    except InvalidRelease as error:
        raise JobFailed(str(error)) from error
