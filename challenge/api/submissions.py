"""Submitting, and what becomes of submissions: the same services as the pages."""

from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import File, Form, Header, Query, Router, Schema, Status
from ninja.files import UploadedFile

from challenge.api import errors
from challenge.api.auth import Caller, api_limit, read, submit, upload_limit
from challenge.api.errors import refusals
from challenge.api.pages import Page, part_of
from challenge.api.results import submissions_out
from challenge.api.schemas import QuotaOut, ReportOut, SubmissionOut
from challenge.contests.access import visible_phases
from challenge.submissions import services
from challenge.submissions.access import visible_submissions
from challenge.submissions.intake import Method, SubmissionRefused, dry_run, quota_for, receive
from challenge.submissions.states import Status as State

router = Router(tags=["submissions"])
UPLOAD_REFUSALS = refusals(403, 404, 409, 413, 507)
REPLAYED = "Idempotent-Replayed"


class MethodIn(Schema):
    """What may be said about the method beside the file."""

    method_name: str = ""
    description: str = ""
    runtime_s: float | None = None
    device: str = ""
    extra_data: bool | None = None


class SubmissionFilter(Page):
    """Which submissions."""

    status: State | None = None


@router.get("/phases/{phase_id}/quota", response={200: QuotaOut, **refusals(403, 404)}, auth=read)
def quota(request: Caller, phase_id: UUID) -> QuotaOut:
    """What the caller's team may still send in this phase."""
    phase = get_object_or_404(visible_phases(request.auth), pk=phase_id)
    found = quota_for(phase, request.auth, timezone.now())
    if found is None:
        raise SubmissionRefused("not_registered", "Join the challenge first.")
    return QuotaOut.from_orm(found)


@router.post(
    "/phases/{phase_id}/validate",
    response={200: ReportOut, **UPLOAD_REFUSALS},
    auth=submit,
    throttle=[api_limit, upload_limit],
)
def validate(request: Caller, phase_id: UUID, file: File[UploadedFile]) -> ReportOut:
    """A dry run: every error of the file by line. Costs no quota."""
    phase = get_object_or_404(visible_phases(request.auth), pk=phase_id)
    return ReportOut(**dry_run(phase, request.auth, file, request.began_at).to_dict())


@router.post(
    "/phases/{phase_id}/submissions",
    response={201: SubmissionOut, **UPLOAD_REFUSALS},
    auth=submit,
    throttle=[api_limit, upload_limit],
)
def create_submission(
    request: Caller,
    response: HttpResponse,
    phase_id: UUID,
    *,
    file: File[UploadedFile],
    method: Form[MethodIn],
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key")] = "",
) -> Status[SubmissionOut]:
    """Submit a file. Retry with the same `Idempotency-Key` header as often as needed: it makes one submission.

    The header `Idempotent-Replayed: true` says that an earlier request had made it.
    """
    phase = get_object_or_404(visible_phases(request.auth), pk=phase_id)
    submission = receive(
        phase=phase,
        user=request.auth,
        upload=file,
        method=Method(method.method_name, method.description, method.runtime_s, method.device, method.extra_data),
        began_at=request.began_at,
        idempotency_key=idempotency_key,
    )
    if submission.received_at != request.began_at:
        response[REPLAYED] = "true"
    return Status(201, submissions_out(request.auth, [submission])[0])


@router.get("/phases/{phase_id}/submissions", response={200: list[SubmissionOut], **refusals(404)}, auth=read)
def list_submissions(
    request: Caller, response: HttpResponse, phase_id: UUID, wanted: Query[SubmissionFilter]
) -> list[SubmissionOut]:
    """The submissions of the caller's team in this phase (organisers: all), newest first."""
    phase = get_object_or_404(visible_phases(request.auth), pk=phase_id)
    rows = visible_submissions(request.auth).filter(phase=phase).order_by("-received_at", "pk")
    if wanted.status:
        rows = rows.filter(status=wanted.status)
    return submissions_out(request.auth, part_of(rows, wanted, request, response))


@router.get("/submissions/{submission_id}", response={200: SubmissionOut, **refusals(404)}, auth=read)
def get_submission(request: Caller, submission_id: UUID) -> SubmissionOut:
    """One submission, with its scores once it is scored and where the phase shows them."""
    submission = get_object_or_404(visible_submissions(request.auth), pk=submission_id)
    return submissions_out(request.auth, [submission])[0]


@router.post("/submissions/{submission_id}/withdraw", response={200: SubmissionOut, **refusals(404, 409)}, auth=submit)
def withdraw(request: Caller, submission_id: UUID) -> SubmissionOut | HttpResponse:
    """Take a submission back before it is scored; its quota comes back. Again is no error."""
    submission = get_object_or_404(visible_submissions(request.auth), pk=submission_id)
    withdrawn = services.withdraw(submission, request.auth)
    submission.refresh_from_db()
    if not withdrawn and submission.status != State.WITHDRAWN:
        detail = "Too late: this submission has reached its final state."
        return errors.problem(409, "already_final", detail)
    return submissions_out(request.auth, [submission])[0]


@router.post("/submissions/{submission_id}/choose", response={200: SubmissionOut, **refusals(404, 409)}, auth=submit)
def choose(request: Caller, submission_id: UUID) -> SubmissionOut | HttpResponse:
    """Make a scored submission the one that counts for its team, where the phase's board follows the choice."""
    submission = get_object_or_404(visible_submissions(request.auth), pk=submission_id)
    if refusal := services.refusal_to_choose(submission, request.auth, request.began_at):
        return errors.problem(409, "no_choice", refusal)
    if not services.choose(submission, request.auth):
        return errors.problem(409, "not_choosable", "Only a scored submission that came in time can be chosen.")
    submission.refresh_from_db()
    return submissions_out(request.auth, [submission])[0]
