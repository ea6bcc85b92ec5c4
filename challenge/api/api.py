"""The REST API, version 1: parse, call the same services as the pages, render.

Authentication is a personal token (`Authorization: Bearer`) with scopes; without cookies there is no CSRF.
Reading public things needs no token.
"""

import datetime
import threading
from typing import Annotated, Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from ninja import File, Form, Header, NinjaAPI, Schema, Status
from ninja.errors import AuthenticationError
from ninja.files import UploadedFile
from ninja.security import HttpBearer
from ninja.throttling import BaseThrottle

from challenge.accounts.models import ApiToken, User
from challenge.accounts.services import authenticate_token
from challenge.api import errors, files
from challenge.api.schemas import (
    BoardRow,
    ChallengeOut,
    PhaseOut,
    Problem,
    QuotaOut,
    ReceiptOut,
    ReleaseOut,
    ReportOut,
    SubmissionOut,
)
from challenge.contests.access import Viewer, export_decimals, may_see_scores, visible_challenges, visible_phases
from challenge.contests.models import Challenge, Phase
from challenge.core.limits import seconds_to_wait
from challenge.datasets.access import DataAccess
from challenge.datasets.services import current_answer_key
from challenge.leaderboards.views import board_for
from challenge.receipts.access import visible_scored_receipts
from challenge.receipts.services import accepted_receipt
from challenge.submissions.access import visible_submissions
from challenge.submissions.intake import Method, SubmissionRefused, dry_run, quota_for, receive
from challenge.submissions.models import Evaluation, Submission
from challenge.submissions.results import (
    MAIN_METRICS,
    Shown,
    full_result,
    rounded,
    visible_evaluations,
    visible_private_scores,
    visible_releases,
)


class TokenAuth(HttpBearer):
    """A live token that has the scope."""

    def __init__(self, scope: ApiToken.Scope) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        """The token's user, or None (401)."""
        found = authenticate_token(token)
        return found.user if found and self.scope in found.scopes else None


def optional_reader(request: HttpRequest) -> Viewer:
    """The token's user, or an anonymous one without a token. A wrong token is refused, not ignored."""
    header = request.headers.get("Authorization", "")
    if not header:
        return AnonymousUser()
    user = TokenAuth(ApiToken.Scope.READ).authenticate(request, header.removeprefix("Bearer ").strip())
    if user is None:
        raise AuthenticationError
    return user


class Limit(BaseThrottle):
    """A limit of settings.RATE_LIMITS, for each token's user and each address. Counted once the token has been read."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.found = threading.local()  # one instance answers for all threads

    def allow_request(self, request: HttpRequest) -> bool:
        """Count the request; whether it may go on."""
        self.found.wait = seconds_to_wait(self.action, request, getattr(request, "auth", None))
        return not self.found.wait

    def wait(self) -> float:
        """Seconds until the request that was just refused may be tried again."""
        return float(self.found.wait)


class Caller(HttpRequest):
    """A request whose token (if any) has been read."""

    auth: User
    began_at: datetime.datetime


read = TokenAuth(ApiToken.Scope.READ)
submit = TokenAuth(ApiToken.Scope.SUBMIT)
api_limit, upload_limit = Limit("api"), Limit("upload")
api = NinjaAPI(
    title="IQA Challenge",
    version="1",
    description="Challenges, submissions and leaderboards. Errors are application/problem+json.",
    urls_namespace="api",
    openapi_url="/openapi.json",
    docs_url=None,
    throttle=[api_limit],
)
errors.install(api)
files.install(api, optional_reader)

REFUSALS: Any = {401: Problem, 403: Problem, 404: Problem, 409: Problem, 413: Problem, 422: Problem, 429: Problem} | {
    507: Problem
}
UNKNOWN: Any = {404: Problem, 422: Problem}
PRIVATE: Any = {401: Problem, **UNKNOWN}


@api.get("/challenges", response={200: list[ChallengeOut], 401: Problem}, auth=[optional_reader], tags=["challenges"])
def list_challenges(request: HttpRequest) -> list[ChallengeOut]:
    """The challenges that the caller may see."""
    rows = visible_challenges(request.auth).prefetch_related("phases")  # type: ignore[attr-defined]
    return [_challenge(request.auth, row) for row in rows]  # type: ignore[attr-defined]


@api.get(
    "/challenges/{slug:slug}", response={200: ChallengeOut, **PRIVATE}, auth=[optional_reader], tags=["challenges"]
)
def get_challenge(request: HttpRequest, slug: str) -> ChallengeOut:
    """One challenge."""
    viewer: Viewer = request.auth  # type: ignore[attr-defined]
    return _challenge(viewer, get_object_or_404(visible_challenges(viewer), slug=slug))


@api.get(
    "/phases/{phase_id}/leaderboard",
    response={200: list[BoardRow], 403: Problem, **PRIVATE},
    auth=[optional_reader],
    tags=["leaderboard"],
)
def leaderboard(request: HttpRequest, phase_id: UUID, exact: bool = False) -> list[BoardRow] | HttpResponse:
    """The board; 403 while the phase is blind. Of a Ladder it is what was released, for organisers with `exact` all."""
    phase = get_object_or_404(visible_phases(request.auth), pk=phase_id)  # type: ignore[attr-defined]
    if not may_see_scores(request.auth, phase):  # type: ignore[attr-defined]
        return errors.problem(403, "blind_phase", "The board of this phase is hidden while it is blind.")
    decimals = export_decimals(request.auth, phase)  # type: ignore[attr-defined]
    return [
        BoardRow(
            rank=row.rank,
            name=row.label,
            method_name=row.method_name,
            is_reference=row.is_reference,
            is_late=row.is_late,
            entries=row.entries,
            scores=rounded(row.scores, decimals),
            reason=row.reason,
            received_at=row.received_at,
            interval=rounded(row.interval, decimals),
            rank_interval=row.rank_interval,
            probability_first=row.first,
            group=row.group,
        )
        for row in board_for(request.auth, phase, exact)  # type: ignore[attr-defined]
    ]


@api.get("/phases/{phase_id}/quota", response={200: QuotaOut, 403: Problem, **PRIVATE}, auth=read, tags=["submissions"])
def quota(request: Caller, phase_id: UUID) -> QuotaOut:
    """What the caller's team may still send in this phase."""
    phase = get_object_or_404(visible_phases(request.auth), pk=phase_id)
    found = quota_for(phase, request.auth, timezone.now())
    if found is None:
        raise SubmissionRefused("not_registered", "Join the challenge first.")
    return QuotaOut.from_orm(found)


class MethodIn(Schema):
    """What may be said about the method beside the file."""

    method_name: str = ""
    description: str = ""
    runtime_s: float | None = None
    device: str = ""
    extra_data: bool | None = None


@api.post(
    "/phases/{phase_id}/validate",
    response={200: ReportOut, **REFUSALS},
    auth=submit,
    throttle=[api_limit, upload_limit],
    tags=["submissions"],
)
def validate(request: Caller, phase_id: UUID, file: File[UploadedFile]) -> ReportOut:
    """A dry run: every error of the file by line. Costs no quota."""
    phase = get_object_or_404(visible_phases(request.auth), pk=phase_id)
    return ReportOut(**dry_run(phase, request.auth, file, request.began_at).to_dict())


@api.post(
    "/phases/{phase_id}/submissions",
    response={201: SubmissionOut, **REFUSALS},
    auth=submit,
    throttle=[api_limit, upload_limit],
    tags=["submissions"],
)
def create_submission(
    request: Caller,
    phase_id: UUID,
    file: File[UploadedFile],
    method: Form[MethodIn],
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key")] = "",
) -> Status[SubmissionOut]:
    """Submit a file. Retry with the same `Idempotency-Key` header as often as needed: it makes one submission."""
    phase = get_object_or_404(visible_phases(request.auth), pk=phase_id)
    submission = receive(
        phase=phase,
        user=request.auth,
        upload=file,
        method=Method(method.method_name, method.description, method.runtime_s, method.device, method.extra_data),
        began_at=request.began_at,
        idempotency_key=idempotency_key,
    )
    return Status(201, _submissions(request.auth, [submission])[0])


@api.get(
    "/phases/{phase_id}/submissions", response={200: list[SubmissionOut], **PRIVATE}, auth=read, tags=["submissions"]
)
def list_submissions(request: Caller, phase_id: UUID) -> list[SubmissionOut]:
    """The submissions of the caller's team in this phase (organisers: all), newest first, at most 500."""
    phase = get_object_or_404(visible_phases(request.auth), pk=phase_id)
    return _submissions(request.auth, list(visible_submissions(request.auth).filter(phase=phase)[:500]))


@api.get("/submissions/{submission_id}", response={200: SubmissionOut, **PRIVATE}, auth=read, tags=["submissions"])
def get_submission(request: Caller, submission_id: UUID) -> SubmissionOut:
    """One submission, with its scores once it is scored and where the phase shows them."""
    submission = get_object_or_404(visible_submissions(request.auth), pk=submission_id)
    return _submissions(request.auth, [submission])[0]


@api.get(
    "/submissions/{submission_id}/receipts",
    response={200: list[ReceiptOut], **PRIVATE},
    auth=read,
    tags=["submissions"],
)
def list_receipts(request: Caller, submission_id: UUID) -> list[dict[str, Any]]:
    """Signed receipts: that the file was accepted, then one for each published score that the caller may see."""
    submission = get_object_or_404(visible_submissions(request.auth), pk=submission_id)
    scored = visible_scored_receipts(request.auth, submission).order_by("evaluation__published_at")
    return [receipt.to_dict() for receipt in (accepted_receipt(submission), *scored) if receipt]


def _challenge(viewer: Viewer, challenge: Challenge) -> ChallengeOut:
    access = DataAccess.of(viewer, challenge)
    return ChallengeOut(
        slug=challenge.slug,
        title=challenge.title,
        summary=challenge.summary,
        is_demo=challenge.is_demo,
        phases=[_phase(access, phase) for phase in challenge.phases.all()],
    )


def _phase(access: DataAccess, phase: Phase) -> PhaseOut:
    has_kit = current_answer_key(phase) and not access.kit_refusal(phase)
    phase.starter_kit_url = reverse("api:starter_kit", args=[phase.pk]) if has_kit else None  # type: ignore[attr-defined]
    return PhaseOut.from_orm(phase)


def _submissions(user: User, rows: list[Submission]) -> list[SubmissionOut]:
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
        finished_at=submission.finished_at,
        failure=submission.failure,
        scores={metric: result.get(metric) for metric in MAIN_METRICS} if result else None,
        evaluation=result,
        private_scores=rounded(private, decimals),
        release=ReleaseOut.from_orm(release) if release else None,
        url=submission.get_absolute_url(),
    )
