"""The page of tables 2 and 3, and their downloads."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from challenge.contests.access import is_organiser, visible_phases
from challenge.contests.models import Phase
from challenge.datasets.services import result_decimals
from challenge.leaderboards.tables import may_see_tables, tables_of
from challenge.leaderboards.views import sees_live_board
from scoring.baselines.table_formats import FORMATS
from scoring.baselines.tables import InvalidTable, Row, Table, Value

CONTENT_TYPES = {"tex": "application/x-tex", "md": "text/markdown", "csv": "text/csv", "json": "application/json"}


@require_safe
@cache_control(private=True, no_cache=True)
def tables_page(request: HttpRequest, challenge: str, phase: str) -> HttpResponse:
    """All tables of a phase; 404 to those who may not see its results."""
    shown = _phase(request, challenge, phase)
    tables: tuple[Table, ...] = ()
    problem = ""
    try:
        tables = _tables(request, shown)
    except InvalidTable as error:
        problem = str(error)
    context = {
        "challenge": shown.challenge,
        "phase": shown,
        "entries": [(table, _lines(table)) for table in tables],
        "decimals": result_decimals(shown),
        "formats": [("tex", "LaTeX"), ("csv", "CSV"), ("md", "Markdown"), ("json", "JSON")],
        "problem": problem,
    }
    return render(request, "leaderboards/tables.html", context)


@require_safe
@cache_control(private=True, no_cache=True)
def table_file(request: HttpRequest, challenge: str, phase: str, table: str, form: str) -> HttpResponse:
    """One table in one format of `scoring.baselines.table_formats`."""
    shown = _phase(request, challenge, phase)
    try:
        found = next((one for one in _tables(request, shown) if one.name == table), None)
    except InvalidTable:
        found = None
    if found is None or form not in FORMATS:
        raise Http404
    response = HttpResponse(FORMATS[form](found), content_type=f"{CONTENT_TYPES[form]}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{challenge}-{phase}-{table}.{form}"'
    return response


def _phase(request: HttpRequest, challenge: str, phase: str) -> Phase:
    shown: Phase = get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)
    if not may_see_tables(request.user, shown):
        raise Http404
    return shown


def _tables(request: HttpRequest, phase: Phase) -> tuple[Table, ...]:
    """As the viewer may see them: rounded as scores on pages are, for all but organisers, and frozen with the board."""
    decimals = None if is_organiser(request.user, phase.challenge) else result_decimals(phase)
    before = None if sees_live_board(request.user, phase) else phase.board_frozen_at
    return tables_of(phase, before, decimals=decimals)


def _lines(table: Table) -> list[tuple[Row, bool, list[Value]]]:
    """(row, whether a kind of metrics begins with it, its values in the order of the columns)."""
    kinds = [row.kind for row in table.rows]
    return [
        (row, place > 0 and row.kind != kinds[place - 1], [row.values[column] for column in table.columns])
        for place, row in enumerate(table.rows)
    ]
