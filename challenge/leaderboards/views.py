"""Board pages and their CSV export."""

import dataclasses
from typing import Any

from django.core.cache import caches
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.utils.cache import patch_cache_control
from django.utils.http import quote_etag
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from challenge.contests.access import (
    BoardKind,
    Viewer,
    board_kind,
    export_decimals,
    is_organiser,
    may_see_scores,
    registration_of,
    usual_board,
    visible_phases,
)
from challenge.contests.models import Phase
from challenge.core import plots
from challenge.core.export import csv_response
from challenge.core.http import cached_for_visitors
from challenge.core.whiskers import Whiskers
from challenge.datasets.services import result_decimals, shown_decimals
from challenge.leaderboards.board import Row, board
from challenge.leaderboards.export import COLUMNS, board_rows
from challenge.leaderboards.paper import board_file
from challenge.leaderboards.private import private_board
from challenge.leaderboards.released import released_board
from challenge.leaderboards.tables import is_metric, may_see_tables

CACHE_SECONDS = 600
BOARDS = {BoardKind.EXACT: board, BoardKind.RELEASED: released_board, BoardKind.PRIVATE: private_board}


@require_safe
@cache_control(private=True, no_cache=True)
@cached_for_visitors(seconds=1)
def leaderboard(request: HttpRequest, challenge: str, phase: str) -> HttpResponse:
    """The board of one phase. On a blind phase everybody but organisers reads that it is hidden, and why.

    Where that is another one (of a Ladder's releases, of the private part), `?exact=1` gives organisers the board of
    the stored results, here as in the export and the API.
    """
    shown = get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)
    may_see = may_see_scores(request.user, shown)
    is_live = sees_live_board(request.user, shown)
    registration = registration_of(request.user, shown.challenge)
    kind = _kind(request, shown)
    has_two = usual_board(shown) != BoardKind.EXACT
    context = {
        "challenge": shown.challenge,
        "phase": shown,
        "phases": shown.challenge.phases.all(),
        "may_see": may_see,
        "team": registration.team if registration else None,
        "is_live": is_live,
        "table": _table(shown, kind, is_live) if may_see else "",
        "etag": _etag(shown, kind, is_live),
        "kind": kind,
        "query": "?exact=1" if has_two and kind == BoardKind.EXACT else "",
        "has_tables": _has_tables(request.user, shown, kind, is_live),
        "may_see_both": has_two and is_organiser(request.user, shown.challenge),
    }
    return render(request, "leaderboards/leaderboard.html", context)


@require_safe
def leaderboard_table(request: HttpRequest, challenge: str, phase: str) -> HttpResponse:
    """The table alone, for live refresh: 304 while nothing has changed."""
    shown = get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)
    if not may_see_scores(request.user, shown):
        raise Http404
    kind = _kind(request, shown)
    is_live = sees_live_board(request.user, shown)
    etag = _etag(shown, kind, is_live)
    unchanged = request.headers.get("If-None-Match") == etag
    response = HttpResponse(status=304) if unchanged else HttpResponse(_table(shown, kind, is_live))
    response["ETag"] = etag
    is_public = _is_public(shown, kind) and not is_live
    patch_cache_control(response, **{"public" if is_public else "private": True}, no_cache=True)
    return response


@require_safe
def leaderboard_csv(request: HttpRequest, challenge: str, phase: str) -> HttpResponse:
    """The board as CSV: every metric, in full precision unless the phase limits it; 404 where the board is hidden."""
    shown = get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)
    if not may_see_scores(request.user, shown):
        raise Http404
    rows = board_rows(board_for(request.user, shown, _asks(request)), export_decimals(request.user, shown))
    return csv_response(f"{challenge}-{phase}-leaderboard.csv", COLUMNS, rows)


@require_safe
def leaderboard_figure(request: HttpRequest, challenge: str, phase: str, kind: str) -> HttpResponse:
    """The board that is everybody's as a figure for papers; 404 where the board is hidden."""
    shown = get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)
    if not may_see_scores(request.user, shown):
        raise Http404
    usual = usual_board(shown)
    display = Phase.RankDisplay(shown.rank_display)
    content = plots.cached(
        f"board-figure:{_version(shown, usual, is_live=False)}:{kind}",
        lambda: board_file(
            _rounded(_board_of(shown, usual, is_live=False), shown.shown_decimals), kind, display=display
        ),
    )
    response = plots.download(content, kind, f"{challenge}-{phase}-leaderboard")
    patch_cache_control(response, private=not _is_public(shown, usual), no_cache=True)
    return response


def _rounded(rows: list[Row], decimals: int | None) -> list[Row]:
    """A figure's coordinates tell as much as a number would: rounded where the phase shows few decimals."""
    if decimals is None:
        return rows
    return [
        dataclasses.replace(
            row,
            rank_value=None if row.rank_value is None else round(row.rank_value, decimals),
            interval=row.interval and [round(end, decimals) for end in row.interval],
        )
        for row in rows
    ]


def _has_tables(user: Viewer, phase: Phase, kind: BoardKind, is_live: bool) -> bool:
    """Whether the board has baseline metrics whose tables `user` may see. The rows are in the cache already."""
    if not may_see_scores(user, phase) or not may_see_tables(user, phase):
        return False
    return any(row.is_reference and is_metric(row.method_name) for row in _board_of(phase, kind, is_live))


def sees_live_board(user: Viewer, phase: Phase) -> bool:
    """Whether the board that `user` sees is another than the public one: a frozen board is live for organisers."""
    return phase.board_frozen_at is not None and is_organiser(user, phase.challenge)


def board_for(user: Viewer, phase: Phase, asks_exact: bool) -> list[Row]:
    """The board of the phase that `user`, who may see scores there, may see."""
    return _board_of(phase, board_kind(user, phase, asks_exact), sees_live_board(user, phase))


def _board_of(phase: Phase, kind: BoardKind, is_live: bool) -> list[Row]:
    """The board that is everybody's, or with `is_live` with what a frozen one hides; cached in this process until a
    result changes `phase.board_version`."""
    key = f"board:{_version(phase, kind, is_live)}"
    rows: list[Row] | None = caches["local"].get(key)
    if rows is None:
        rows = BOARDS[kind](phase, None if is_live else phase.board_frozen_at)
        caches["local"].set(key, rows, CACHE_SECONDS)
    return rows


def _table(phase: Phase, kind: BoardKind, is_live: bool) -> str:
    """The rendered table, the same for everybody who may see it; cached like `_board_of`."""
    key = f"board-table:{_version(phase, kind, is_live)}"
    html: str | None = caches["local"].get(key)
    if html is None:
        rows = _board_of(phase, kind, is_live)
        html = render_to_string("leaderboards/table.html", _shown(phase, rows, kind, is_live))
        caches["local"].set(key, html, CACHE_SECONDS)
    return html


def _shown(phase: Phase, rows: list[Row], kind: BoardKind, is_live: bool) -> dict[str, Any]:
    """What the table's template prints: each row with its whisker, and which columns there are."""
    decimals = shown_decimals(phase) if kind == BoardKind.RELEASED else result_decimals(phase)
    references = [row.rank_value for row in rows if row.is_reference and row.rank_value is not None]
    # A noise ceiling lies far above: the scale is that of the teams and methods.
    intervals = [row.interval for row in rows if row.interval and not row.is_line]
    whisker = Whiskers(intervals, references, decimals=decimals)
    display = Phase.RankDisplay(phase.rank_display)
    compared = any(row.group is not None for row in rows)
    shown: list[dict[str, Any]] = []
    last: int | None = None
    for row in rows:
        starts = display != Phase.RankDisplay.STRICT and row.group is not None and last not in (None, row.group)
        last = row.group if row.group is not None else last
        # As dictionaries: a template asks for row["label"] before row.label, and each failed try costs a microsecond.
        more = {"whisker": whisker(row.rank_value, row.interval), "starts_group": starts, "anchor": _anchor(row)}
        shown.append(vars(row) | more)
    ranks = {
        "intervals": any(row.interval for row in rows),
        "groups": display == Phase.RankDisplay.BOTH,
        "groups_only": display == Phase.RankDisplay.GROUPS and compared,
        "pending": not compared and not is_live and any(row.rank is not None for row in rows),
    }
    return {"rows": shown, "phase": phase, "ranks": ranks, "kind": kind, "decimals": decimals}


def _anchor(row: Row) -> str:
    """Where «Your team» leads; the late row of a team has another one."""
    return "" if row.team_id is None else f"late-{row.team_id}" if row.is_late else f"team-{row.team_id}"


def _asks(request: HttpRequest) -> bool:
    return request.GET.get("exact") == "1"


def _kind(request: HttpRequest, phase: Phase) -> BoardKind:
    return board_kind(request.user, phase, _asks(request))


def _version(phase: Phase, kind: BoardKind, is_live: bool) -> str:
    """Changes whenever the board may have changed."""
    frozen = f"{phase.board_frozen_at:%Y%m%dT%H%M%S.%f}" if phase.board_frozen_at else ""
    rules = f"{phase.board_rule}-{phase.rank_display}-{phase.shown_decimals}"
    return f"{phase.pk.hex}-{phase.board_version}-{rules}-{kind}-{'live' if is_live else frozen}"


def _etag(phase: Phase, kind: BoardKind, is_live: bool) -> str:
    return quote_etag(_version(phase, kind, is_live))


def _is_public(phase: Phase, kind: BoardKind) -> bool:
    return phase.challenge.is_published and not phase.is_blind and kind == usual_board(phase)
