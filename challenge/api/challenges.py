"""Challenges and their phases: dates, quotas, gates, rules."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from ninja import Query, Router

from challenge.api.auth import Caller, Reader, any_token, optional_reader
from challenge.api.errors import refusals
from challenge.api.pages import Page, part_of
from challenge.api.schemas import ChallengeOut, PhaseOut, TokenOut
from challenge.contests.access import Viewer, visible_challenges, visible_phases
from challenge.contests.models import Challenge, Phase
from challenge.datasets.access import DataAccess
from challenge.datasets.services import current_answer_key

router = Router(tags=["challenges"])


@router.get("/token", response={200: TokenOut, **refusals()}, auth=any_token)
def get_token(request: Caller) -> TokenOut:
    """What the token that is sent is good for, and whose it is. Any scope will do."""
    token = request.token
    return TokenOut(username=request.auth.username, name=token.name, scopes=token.scopes, expires_at=token.expires_at)


@router.get("/challenges", response={200: list[ChallengeOut], **refusals()}, auth=[optional_reader])
def list_challenges(request: Reader, response: HttpResponse, page: Query[Page]) -> list[ChallengeOut]:
    """The challenges that the caller may see."""
    rows = visible_challenges(request.auth).prefetch_related("phases")
    return [_challenge(request.auth, row) for row in part_of(rows, page, request, response)]


@router.get("/challenges/{slug:slug}", response={200: ChallengeOut, **refusals(404)}, auth=[optional_reader])
def get_challenge(request: Reader, slug: str) -> ChallengeOut:
    """One challenge."""
    return _challenge(request.auth, get_object_or_404(visible_challenges(request.auth), slug=slug))


@router.get("/challenges/{slug:slug}/phases", response={200: list[PhaseOut], **refusals(404)}, auth=[optional_reader])
def list_phases(request: Reader, response: HttpResponse, slug: str, page: Query[Page]) -> list[PhaseOut]:
    """The phases of a challenge in their order."""
    challenge = get_object_or_404(visible_challenges(request.auth), slug=slug)
    access = DataAccess.of(request.auth, challenge)
    rows = challenge.phases.select_related("challenge")
    return [phase_out(access, row) for row in part_of(rows, page, request, response)]


@router.get("/phases/{phase_id}", response={200: PhaseOut, **refusals(404)}, auth=[optional_reader])
def get_phase(request: Reader, phase_id: UUID) -> PhaseOut:
    """One phase."""
    phase = get_object_or_404(visible_phases(request.auth), pk=phase_id)
    return phase_out(DataAccess.of(request.auth, phase.challenge), phase)


def phase_out(access: DataAccess, phase: Phase) -> PhaseOut:
    """A phase as the API sends it to the viewer of `access`."""
    has_kit = current_answer_key(phase) and not access.kit_refusal(phase)
    phase.starter_kit_url = reverse("api:starter_kit", args=[phase.pk]) if has_kit else None  # type: ignore[attr-defined]
    return PhaseOut.from_orm(phase)


def _challenge(viewer: Viewer, challenge: Challenge) -> ChallengeOut:
    access = DataAccess.of(viewer, challenge)
    return ChallengeOut(
        slug=challenge.slug,
        title=challenge.title,
        summary=challenge.summary,
        is_demo=challenge.is_demo,
        phases=[phase_out(access, phase) for phase in challenge.phases.all()],
    )
