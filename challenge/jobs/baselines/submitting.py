"""A metric's scores as a reference row: a prediction file by the road of every submission."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.core.files.uploadedfile import SimpleUploadedFile

from challenge.contests.models import Phase
from challenge.jobs.kinds import JobFailed, Task
from challenge.jobs.models import Job
from challenge.submissions.intake import Method, SubmissionRefused
from challenge.submissions.models import Submission
from challenge.submissions.references import replace_reference
from scoring.baselines.job import write_results
from scoring.baselines.registry import MetricInfo
from scoring.baselines.run import Scored

NAMED = 5  # images without a score that the description names


def submit(task: Task, phase: Phase, info: MetricInfo, rows: Sequence[Scored]) -> tuple[Submission, int]:
    """(the reference row named as the metric, how many images were filled in); the same rows again change nothing.

    Raises JobFailed when the file is refused, as when the answer key has other names by now.
    """
    folder = task.folder / info.name
    filled = write_results(folder, rows)
    upload = SimpleUploadedFile(f"{info.name}.csv", (folder / "predictions.csv").read_bytes(), content_type="text/csv")
    method = Method(
        name=info.name,
        description=description(info, rows),
        runtime_s=sum(row.seconds for row in rows) / len(rows),
        device="cpu" if task.parameters["device"] == "cpu" or not info.weights else "",
    )
    actor = Job.objects.select_related("created_by").get(pk=task.id).created_by
    try:
        return replace_reference(phase=phase, upload=upload, method=method, actor=actor), filled
    except SubmissionRefused as error:
        raise JobFailed(f"{info.name} was refused: {error}") from error


def description(info: MetricInfo, rows: Sequence[Scored]) -> str:
    """What the row is, and which images it has no value of its own for."""
    text = f"{info.title}: {info.source}. Run by this site on the images of the phase."
    without = [row for row in rows if row.score is None]
    if not without:
        return f"{text} Every image has a score."
    counts = ", ".join(f"{number} {status}" for status, number in Counter(row.status for row in without).items())
    named = "; ".join(f"{row.name}: {row.problem}"[:200] for row in without[:NAMED])
    return (
        f"{text} {len(without):,} of {len(rows):,} images have no score ({counts}) and were filled in with the median "
        f"of the others: {named}{'; and more' if len(without) > NAMED else ''}."
    )
