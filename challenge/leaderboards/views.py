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

from challenge.contests.access import may_see_scores, registration_of, visible_phases
from challenge.contests.models import Phase
from challenge.core import plots
from challenge.core.export import csv_response
from challenge.core.http import cached_for_visitors
from challenge.core.whiskers import Whiskers
from challenge.leaderboards.board import METRICS, Row, board
from challenge.leaderboards.paper import board_file

CACHE_SECONDS = 600


@require_safe
@cache_control(private=True, no_cache=True)
@cached_for_visitors(seconds=1)
def leaderboard(request: HttpRequest, challenge: str, phase: str) -> HttpResponse:
    """The board of one phase. On a blind phase everybody but organisers reads that it is hidden, and why."""
    shown = get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)
    may_see = may_see_scores(request.user, shown)
    registration = registration_of(request.user, shown.challenge)
    context = {
        "challenge": shown.challenge,
        "phase": shown,
        "phases": shown.challenge.phases.all(),
        "may_see": may_see,
        "team": registration.team if registration else None,
        "table": _table(shown) if may_see else "",
        "etag": _etag(shown),
    }
    return render(request, "leaderboards/leaderboard.html", context)


@require_safe
def leaderboard_table(request: HttpRequest, challenge: str, phase: str) -> HttpResponse:
    """The table alone, for live refresh: 304 while nothing has changed."""
    shown = get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)
    if not may_see_scores(request.user, shown):
        raise Http404
    etag = _etag(shown)
    unchanged = request.headers.get("If-None-Match") == etag
    response = HttpResponse(status=304) if unchanged else HttpResponse(_table(shown))
    response["ETag"] = etag
    patch_cache_control(response, private=not _is_public(shown), no_cache=True)
    return response


@require_safe
def leaderboard_csv(request: HttpRequest, challenge: str, phase: str) -> HttpResponse:
    """The board as CSV, every metric in full precision; 404 where the board is hidden."""
    shown = get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)
    if not may_see_scores(request.user, shown):
        raise Http404
    rows = (
        [row.rank, row.label, row.method_name, "reference" if row.is_reference else "team", row.entries]
        + [row.scores.get(metric) for metric in METRICS]
        + [row.received_at.isoformat(), *_ends(row.interval), *_ends(row.rank_interval), row.first, row.group]
        for row in board_of(shown)
    )
    header = ["rank", "name", "method", "kind", "entries", *METRICS, "received_at"]
    header += ["main_low", "main_high", "rank_low", "rank_high", "probability_first", "group"]
    return csv_response(f"{challenge}-{phase}-leaderboard.csv", header, rows)


@require_safe
def leaderboard_figure(request: HttpRequest, challenge: str, phase: str, kind: str) -> HttpResponse:
    """The board as a figure for papers; 404 where the board is hidden."""
    shown = get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)
    if not may_see_scores(request.user, shown):
        raise Http404
    display = Phase.RankDisplay(shown.rank_display)
    content = plots.cached(
        f"board-figure:{_version(shown)}:{kind}", lambda: board_file(board_of(shown), kind, display=display)
    )
    response = plots.download(content, kind, f"{challenge}-{phase}-leaderboard")
    patch_cache_control(response, private=not _is_public(shown), no_cache=True)
    return response


def _ends(interval: Sequence[float] | None) -> Sequence[float | None]:
    return interval or (None, None)


def board_of(phase: Phase) -> list[Row]:
    """The board, cached in this process until a result changes `phase.board_version`."""
    key = f"board:{_version(phase)}"
    rows: list[Row] | None = caches["local"].get(key)
    if rows is None:
        rows = board(phase)
        caches["local"].set(key, rows, CACHE_SECONDS)
    return rows


def _table(phase: Phase) -> str:
    """The rendered table, the same for everybody who may see it; cached like `board_of`."""
    key = f"board-table:{_version(phase)}"
    html: str | None = caches["local"].get(key)
    if html is None:
        html = render_to_string("leaderboards/table.html", _shown(phase, board_of(phase)))
        caches["local"].set(key, html, CACHE_SECONDS)
    return html


def _shown(phase: Phase, rows: list[Row]) -> dict[str, Any]:
    """What the table's template prints: each row with its whisker, and which columns there are."""
    references = [row.rank_value for row in rows if row.is_reference and row.rank_value is not None]
    whisker = Whiskers([row.interval for row in rows if row.interval], references)
    display = Phase.RankDisplay(phase.rank_display)
    compared = any(row.group is not None for row in rows)
    shown: list[dict[str, Any]] = []
    last: int | None = None
    for row in rows:
        starts = display != Phase.RankDisplay.STRICT and row.group is not None and last not in (None, row.group)
        last = row.group if row.group is not None else last
        # As dictionaries: a template asks for row["label"] before row.label, and each failed try costs a microsecond.
        shown.append(vars(row) | {"whisker": whisker(row.rank_value, row.interval), "starts_group": starts})
    ranks = {
        "intervals": any(row.interval for row in rows),
        "groups": display == Phase.RankDisplay.BOTH,
        "groups_only": display == Phase.RankDisplay.GROUPS and compared,
        "pending": not compared and any(row.rank is not None for row in rows),
    }
    return {"rows": shown, "phase": phase, "ranks": ranks}


def _version(phase: Phase) -> str:
    """Changes whenever the board may have changed."""
    return f"{phase.pk.hex}-{phase.board_version}-{phase.board_rule}-{phase.rank_display}"


def _etag(phase: Phase) -> str:
    return quote_etag(_version(phase))


def _is_public(phase: Phase) -> bool:
    return phase.challenge.is_published and not phase.is_blind
