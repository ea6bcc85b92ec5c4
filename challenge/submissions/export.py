"""All submissions of a phase as a table, for its organisers: one row each, oldest first, scores in full precision."""

from collections.abc import Iterator

from challenge.contests.models import Phase
from challenge.submissions.models import Evaluation, Submission
from challenge.submissions.results import MAIN_METRICS

COLUMNS = (
    *("id", "team", "kind", "submitted_by", "status", "received_at", "is_late", "is_chosen", "finished_at"),
    *("method_name", "runtime_s", "device", "extra_data", "file_name", "file_size", "sha256", "rows"),
    *MAIN_METRICS,
    *("failure", "refund_reason"),
)


def submission_rows(phase: Phase) -> Iterator[tuple[object, ...]]:
    """The table's rows with the columns COLUMNS; an undefined score, and one that is not there yet, is None."""
    rows = Submission.objects.filter(phase=phase).select_related("team", "submitted_by").order_by("received_at", "pk")
    current = Evaluation.objects.filter(is_current=True, submission__phase=phase)
    results = dict(current.values_list("submission", "result"))
    for row in rows:
        scores = results.get(row.pk, {})
        yield (
            str(row.pk),
            row.label,
            row.kind,
            row.submitted_by.username if row.submitted_by else None,
            row.status,
            row.received_at.isoformat(),
            row.is_late,
            row.is_chosen,
            row.finished_at.isoformat() if row.finished_at else None,
            row.method_name,
            row.runtime_s,
            row.device,
            row.extra_data,
            row.file_name,
            row.file_size,
            row.sha256,
            row.rows,
            *(scores.get(metric) for metric in MAIN_METRICS),
            row.failure,
            row.refund_reason,
        )
