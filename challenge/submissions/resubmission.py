"""A new submission that begins with an old one of the same team: what it said of the method, and its stored file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from django.core.files.uploadedfile import UploadedFile

from challenge.contests.models import Team
from challenge.submissions.models import Submission


def source_of(team: Team, submission_id: Any) -> Submission | None:
    """The team's own submission with this id, in any phase of its challenge; None for anything else."""
    return Submission.objects.select_related("phase").filter(pk=submission_id, team=team).first()


def initial_of(source: Submission) -> dict[str, Any]:
    """What a form begins with: the method of `source`, and which submission that is."""
    return {
        "method_name": source.method_name,
        "description": source.description,
        "runtime_s": source.runtime_s,
        "device": source.device,
        "extra_data": source.extra_data,
        "source": source.pk,
    }


@contextlib.contextmanager
def sent_file(chosen: UploadedFile[Any] | None, source: Submission | None) -> Iterator[Any]:
    """The upload to check, count and store: the file that was chosen, else the stored one of `source`.

    Raises FileNotFoundError.
    """
    if chosen or source is None:
        yield chosen
    else:
        with source.file.open("rb") as stored:
            yield UploadedFile(stored, name=source.file_name, size=source.file_size)
