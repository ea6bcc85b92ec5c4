"""Board pages and their CSV export."""

from collections.abc import Sequence
from typing import Any

from django.core.cache import caches
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.utils.cache import patch_cache_control
from django.utils.http import quote_etag
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from challenge.contests.access import Viewer, is_organiser, may_see_scores, registration_of, visible_phases
from challenge.contests.models import Phase
from challenge.core.export import csv_response
from challenge.core.http import cached_for_visitors
from challenge.leaderboards.board import METRICS, Row, board
from challenge.leaderboards.whiskers import Whiskers

CACHE_SECONDS = 600


@require_safe
@cache_control(private=True, no_cache=True)
@cached_for_visitors(seconds=1)
def leaderboard(request: HttpRequest, challenge: str, phase: str) -> HttpResponse:
    """The board of one phase. On a blind phase everybody but organisers reads that it is hidden, and why."""
    shown = get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)
    may_see = may_see_scores(request.user, shown)
    is_live = sees_live_board(request.user, shown)
    registration = registration_of(request.user, shown.challenge)
    context = {
        "challenge": shown.challenge,
        "phase": shown,
        "phases": shown.challenge.phases.all(),
        "may_see": may_see,
        "team": registration.team if registration else None,
        "is_live": is_live,
        "table": _table(shown, is_live) if may_see else "",
        "etag": _etag(shown, is_live),
    }
    return render(request, "leaderboards/leaderboard.html", context)


@require_safe
def leaderboard_table(request: HttpRequest, challenge: str, phase: str) -> HttpResponse:
    """The table alone, for live refresh: 304 while nothing has changed."""
    shown = get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)
    if not may_see_scores(request.user, shown):
        raise Http404
    is_live = sees_live_board(request.user, shown)
    etag = _etag(shown, is_live)
    unchanged = request.headers.get("If-None-Match") == etag
    response = HttpResponse(status=304) if unchanged else HttpResponse(_table(shown, is_live))
    response["ETag"] = etag
    patch_cache_control(response, private=not _is_public(shown) or is_live, no_cache=True)
    return response


@require_safe
def leaderboard_csv(request: HttpRequest, challenge: str, phase: str) -> HttpResponse:
    """The board as CSV, every metric in full precision; 404 where the board is hidden."""
    shown = get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)
    if not may_see_scores(request.user, shown):
        raise Http404
    rows = (
        [row.rank, row.label, row.method_name, _kind(row), row.entries]
        + [row.scores.get(metric) for metric in METRICS]
        + [row.received_at.isoformat(), *_ends(row.interval), *_ends(row.rank_interval), row.first, row.group]
        for row in board_of(shown, sees_live_board(request.user, shown))
    )
    header = ["rank", "name", "method", "kind", "entries", *METRICS, "received_at"]
    header += ["main_low", "main_high", "rank_low", "rank_high", "probability_first", "group"]
    return csv_response(f"{challenge}-{phase}-leaderboard.csv", header, rows)


def _kind(row: Row) -> str:
    if row.is_reference:
        return "reference"
    return "late" if row.is_late else "team"


def _ends(interval: Sequence[float] | None) -> Sequence[float | None]:
    return interval or (None, None)


def sees_live_board(user: Viewer, phase: Phase) -> bool:
    """Whether the board that `user` sees is another than the public one: a frozen board is live for organisers."""
    return phase.board_frozen_at is not None and is_organiser(user, phase.challenge)


def board_of(phase: Phase, is_live: bool = False) -> list[Row]:
    """The public board, or with `is_live` what a frozen one hides; cached in this process until a result changes
    `phase.board_version`."""
    key = f"board:{_version(phase, is_live)}"
    rows: list[Row] | None = caches["local"].get(key)
    if rows is None:
        rows = board(phase, None if is_live else phase.board_frozen_at)
        caches["local"].set(key, rows, CACHE_SECONDS)
    return rows


def _table(phase: Phase, is_live: bool) -> str:
    """The rendered table, the same for everybody who may see it; cached like `board_of`."""
    key = f"board-table:{_version(phase, is_live)}"
    html: str | None = caches["local"].get(key)
    if html is None:
        html = render_to_string("leaderboards/table.html", _shown(phase, board_of(phase, is_live), is_live))
        caches["local"].set(key, html, CACHE_SECONDS)
    return html


def _shown(phase: Phase, rows: list[Row], is_live: bool) -> dict[str, Any]:
    """What the table's template prints: each row with its whisker, and which columns there are."""
    whisker = Whiskers(rows)
    display = Phase.RankDisplay(phase.rank_display)
    compared = any(row.group is not None for row in rows)
    shown: list[dict[str, Any]] = []
    last: int | None = None
    for row in rows:
        starts = display != Phase.RankDisplay.STRICT and row.group is not None and last not in (None, row.group)
        last = row.group if row.group is not None else last
        # As dictionaries: a template asks for row["label"] before row.label, and each failed try costs a microsecond.
        shown.append(vars(row) | {"whisker": whisker(row), "starts_group": starts, "anchor": _anchor(row)})
    ranks = {
        "intervals": any(row.interval for row in rows),
        "groups": display == Phase.RankDisplay.BOTH,
        "groups_only": display == Phase.RankDisplay.GROUPS and compared,
        "pending": not compared and not is_live and any(row.rank is not None for row in rows),
    }
    return {"rows": shown, "phase": phase, "ranks": ranks}


def _anchor(row: Row) -> str:
    """Where «Your team» leads; the late row of a team has another one."""
    return "" if row.team_id is None else f"late-{row.team_id}" if row.is_late else f"team-{row.team_id}"


def _version(phase: Phase, is_live: bool) -> str:
    """Changes whenever the board may have changed."""
    frozen = f"{phase.board_frozen_at:%Y%m%dT%H%M%S.%f}" if phase.board_frozen_at else ""
    shown = "live" if is_live else frozen
    return f"{phase.pk.hex}-{phase.board_version}-{phase.board_rule}-{phase.rank_display}-{shown}"


def _etag(phase: Phase, is_live: bool) -> str:
    return quote_etag(_version(phase, is_live))


def _is_public(phase: Phase) -> bool:
    return phase.challenge.is_published and not phase.is_blind
