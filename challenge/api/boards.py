"""Leaderboards: the boards of the pages, under the same rules of blind phases, Ladders and freezes."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router

from challenge.api import errors
from challenge.api.auth import Reader, optional_reader
from challenge.api.errors import refusals
from challenge.api.pages import Page, part_of
from challenge.api.schemas import BoardRow
from challenge.contests.access import export_decimals, may_see_scores, visible_phases
from challenge.leaderboards.board import Row
from challenge.leaderboards.views import board_for
from challenge.submissions.results import rounded

router = Router(tags=["leaderboard"])


@router.get(
    "/phases/{phase_id}/leaderboard", response={200: list[BoardRow], **refusals(403, 404)}, auth=[optional_reader]
)
def leaderboard(
    request: Reader, response: HttpResponse, phase_id: UUID, page: Query[Page], exact: bool = False
) -> list[BoardRow] | HttpResponse:
    """The board; 403 while the phase is blind. Of a Ladder it is what was released, for organisers with `exact` all."""
    phase = get_object_or_404(visible_phases(request.auth), pk=phase_id)
    if not may_see_scores(request.auth, phase):
        return errors.problem(403, "blind_phase", "The board of this phase is hidden while it is blind.")
    decimals = export_decimals(request.auth, phase)
    rows = board_for(request.auth, phase, exact)
    return [_row(row, decimals) for row in part_of(rows, page, request, response)]


def _row(row: Row, decimals: int | None) -> BoardRow:
    return BoardRow(
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
