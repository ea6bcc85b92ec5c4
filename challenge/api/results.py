"""What came of a submission: its history, scores with intervals, signed receipts, its file."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from ninja import Query, Router

from challenge.accounts.models import User
from challenge.analyses.models import Analysis
from challenge.api.auth import Caller, read
from challenge.api.errors import refusals
from challenge.api.files import CONTENT
from challenge.api.pages import Page, part_of
from challenge.api.schemas import EventOut, ReceiptOut, ReleaseOut, ScoresOut, SubmissionOut
from challenge.contests.access import export_decimals
from challenge.core.downloads import send_file
from challenge.core.work import State
from challenge.receipts.access import visible_scored_receipts
from challenge.receipts.services import accepted_receipt
from challenge.submissions.access import stored_file, visible_submissions
from challenge.submissions.models import Evaluation, Submission
from challenge.submissions.results import (
    MAIN_METRICS,
    Shown,
    evaluation_history,
    full_result,
    rounded,
    visible_evaluations,
    visible_private_scores,
    visible_releases,
)

router = Router(tags=["submissions"])


@router.get("/submissions/{submission_id}/events", response={200: list[EventOut], **refusals(404)}, auth=read)
def list_events(request: Caller, response: HttpResponse, submission_id: UUID, page: Query[Page]) -> list[EventOut]:
    """What happened to a submission, oldest first."""
    submission = get_object_or_404(visible_submissions(request.auth), pk=submission_id)
    rows = submission.events.select_related("actor")
    return [
        EventOut(
            at=row.at,
            from_status=row.from_status,
            to_status=row.to_status,
            reason=row.reason,
            actor=row.actor.username if row.actor else None,
        )
        for row in part_of(rows, page, request, response)
    ]


@router.get("/submissions/{submission_id}/scores", response={200: list[ScoresOut], **refusals(404)}, auth=read)
def list_scores(request: Caller, response: HttpResponse, submission_id: UUID, page: Query[Page]) -> list[ScoresOut]:
    """Every score that is or was in force, the present one first; none where the phase shows no results."""
    submission = get_object_or_404(visible_submissions(request.auth), pk=submission_id)
    rows: list[Evaluation] = part_of(evaluation_history(request.auth, submission), page, request, response)
    intervals = _intervals_of(rows)
    decimals = export_decimals(request.auth, submission.phase)
    return [
        ScoresOut(
            id=row.pk,
            is_current=row.is_current,
            published_at=row.published_at,
            answer_key_version=row.answer_key.version,
            scorer_version=row.scorer_version,
            formula=row.formula,
            scores=rounded({metric: row.result.get(metric) for metric in MAIN_METRICS}, decimals),
            intervals=rounded(intervals.get(row.pk, {}), decimals),
        )
        for row in rows
    ]


@router.get("/submissions/{submission_id}/receipts", response={200: list[ReceiptOut], **refusals(404)}, auth=read)
def list_receipts(
    request: Caller, response: HttpResponse, submission_id: UUID, page: Query[Page]
) -> list[dict[str, Any]]:
    """Signed receipts: that the file was accepted, then one for each published score that the caller may see."""
    submission = get_object_or_404(visible_submissions(request.auth), pk=submission_id)
    scored = visible_scored_receipts(request.auth, submission).order_by("evaluation__published_at")
    receipts = [receipt.to_dict() for receipt in (accepted_receipt(submission), *scored) if receipt]
    return part_of(receipts, page, request, response)


@router.get("/submissions/{submission_id}/file", response=refusals(404, 412, 416), auth=read, openapi_extra=CONTENT)
def submission_file(request: Caller, submission_id: UUID) -> HttpResponseBase:
    """The file as it was sent, to its team and the organisers."""
    return send_file(request, stored_file(get_object_or_404(visible_submissions(request.auth), pk=submission_id)))


def submissions_out(user: User, rows: list[Submission]) -> list[SubmissionOut]:
    """Submissions as the API sends them to `user`, who may see them: scores where their phases show them."""
    visible = visible_evaluations(user, rows)
    released = visible_releases(user, rows)
    private = visible_private_scores(user, rows)
    decimals = {phase: export_decimals(user, phase) for phase in {row.phase for row in rows}}
    return [
        _submission(row, visible.get(row.pk), released.get(row.pk), private.get(row.pk), decimals[row.phase])
        for row in rows
    ]


def _submission(
    submission: Submission,
    evaluation: Evaluation | None,
    release: Shown | None,
    private: dict[str, float | None] | None,
    decimals: int | None,
) -> SubmissionOut:
    result = rounded(full_result(evaluation), decimals) if evaluation else None
    return SubmissionOut(
        id=submission.pk,
        phase=submission.phase_id,
        team=submission.label,
        status=submission.status,
        is_final=submission.is_final,
        file_name=submission.file_name,
        file_size=submission.file_size,
        sha256=submission.sha256,
        rows=submission.rows,
        warnings=submission.warnings,
        method_name=submission.method_name,
        received_at=submission.received_at,
        is_late=submission.is_late,
        is_chosen=submission.is_chosen,
        finished_at=submission.finished_at,
        failure=submission.failure,
        scores={metric: result.get(metric) for metric in MAIN_METRICS} if result else None,
        evaluation=result,
        private_scores=rounded(private, decimals),
        release=ReleaseOut.from_orm(release) if release else None,
        url=submission.get_absolute_url(),
    )


def _intervals_of(evaluations: Iterable[Evaluation]) -> dict[UUID, dict[str, list[float]]]:
    """Evaluation -> its 95 % intervals by metric, of those that have been analysed."""
    done = Analysis.objects.filter(pk__in=[row.pk for row in evaluations]).exclude(state=State.FAILED)
    return {pk: found or {} for pk, found in done.values_list("pk", "result__intervals")}
