"""Diagnostics of one submission: the page, its data, and the figures for papers.

All of it goes through `_shown`: what the phase does not show does not exist, for organisers too.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from challenge.analyses.figures import Figure, Row, figures_of
from challenge.analyses.inline import svg_of
from challenge.analyses.models import Analysis
from challenge.analyses.paper import figure_file
from challenge.contests.access import may_see_fit
from challenge.core.export import csv_response
from challenge.core.http import SignedInRequest
from challenge.core.plots import CONTENT_TYPES, cached, download
from challenge.core.templatetags.display import is_number, metric_name
from challenge.core.whiskers import Whiskers
from challenge.submissions.access import visible_submissions
from challenge.submissions.models import Submission

LISTED_ROWS = 16  # about, of a line in a plot
HEADINGS = {
    "name": "Image",
    "prediction": "Prediction",
    "mapped": "Mapped",
    "mos": "MOS",
    "residual": "Residual",
    "low": "From",
    "high": "To",
    "images": "Images",
    "mean_residual": "Mean residual",
    "place_by_prediction": "Place by prediction",
    "place_by_mos": "Place by MOS",
    "difference": "Difference",
}


@login_required
@require_safe
@cache_control(private=True, no_store=True)
def diagnostics_page(request: SignedInRequest, submission_id: str) -> HttpResponse:
    """All figures of one submission with their numbers, or why there are none yet."""
    submission, analysis = _shown(request, submission_id)
    context: dict[str, object] = {
        "submission": submission,
        "phase": submission.phase,
        "challenge": submission.phase.challenge,
        "analysis": analysis,
    }
    if analysis is not None and analysis.diagnostics is not None:
        context["reason"] = analysis.diagnostics["reason"]
        context["figures"] = [_entry(one, analysis.diagnostics) for one in _figures(analysis).values()]
    return render(request, "analyses/diagnostics.html", context)


@login_required
@require_safe
@cache_control(private=True, no_store=True)
def diagnostics_data(request: SignedInRequest, submission_id: str) -> HttpResponse:
    """What the interactive plots draw: `residuals` of the stored diagnostics."""
    _, analysis = _ready(request, submission_id)
    return JsonResponse((analysis.diagnostics or {})["residuals"] or {})


@login_required
@require_safe
@cache_control(private=True, no_store=True)
def figure(request: SignedInRequest, submission_id: str, name: str, kind: str) -> HttpResponse:
    """One figure as a drawing (svg, pdf) or its numbers (csv, json)."""
    submission, analysis = _ready(request, submission_id)
    found = _figures(analysis).get(name)
    if found is None:
        raise Http404
    file_name = f"{submission.phase.slug}-{str(submission.pk)[:8]}-{name}"
    if kind == "csv":
        return csv_response(f"{file_name}.csv", found.header, found.rows)
    if kind == "json":
        numbers = {"figure": name, "columns": found.header, "rows": found.rows}
        return JsonResponse(numbers, headers={"Content-Disposition": f'attachment; filename="{file_name}.json"'})
    if kind not in CONTENT_TYPES or not found.is_drawn:
        raise Http404
    # An analysis that is made again finishes at another time.
    key = f"figure:{analysis.pk.hex}:{analysis.finished_at}:{name}:{kind}".replace(" ", "T")
    return download(cached(key, lambda: figure_file(found, kind)), kind, file_name)


def _shown(request: SignedInRequest, submission_id: str) -> tuple[Submission, Analysis | None]:
    """A submission whose diagnostics the viewer may see, with its analysis if it has one; else Http404."""
    submission = get_object_or_404(visible_submissions(request.user), pk=submission_id)
    if not may_see_fit(submission.phase):
        raise Http404
    analyses = Analysis.objects.filter(evaluation__submission=submission, evaluation__is_current=True)
    return submission, analyses.defer("sealed_draws").first()


def _ready(request: SignedInRequest, submission_id: str) -> tuple[Submission, Analysis]:
    """The same where there are diagnostics; else Http404."""
    submission, analysis = _shown(request, submission_id)
    if analysis is None or analysis.diagnostics is None:
        raise Http404
    return submission, analysis


def _figures(analysis: Analysis) -> dict[str, Figure]:
    return figures_of(analysis.result or {}, analysis.diagnostics or {})


def _entry(figure: Figure, diagnostics: dict[str, Any]) -> dict[str, object]:
    """What the page prints of a figure: a plot with a table, intervals in a table, or a table alone."""
    entry: dict[str, object] = {"figure": figure, "kinds": [*(CONTENT_TYPES if figure.is_drawn else ()), "csv", "json"]}
    if figure.marks:
        return entry | _intervals(figure)
    if not figure.is_drawn:
        return entry | {"head": _head(figure.header, figure.rows[0])}
    residuals, rows = diagnostics["residuals"], _listed(figure)
    header = {"scatter": ("prediction", "mapped", "low", "high"), "residuals": ("prediction", "mean_residual")}
    return entry | {
        "svg": svg_of(figure.name, residuals),
        "has_band": bool(residuals["curve"]["low"]),
        "table": rows,
        "head": _head(header.get(figure.name, figure.header), rows[0]),
    }


def _listed(figure: Figure) -> list[Row]:
    """The rows of a plot that a page can list: not each image, but the line among them."""
    if figure.name == "distribution":
        return figure.rows
    line = [row for row in figure.rows if row[0] != "image"]
    return [row[2:] for row in line[:: max(1, len(line) // LISTED_ROWS)]]


def _intervals(figure: Figure) -> dict[str, object]:
    whisker = Whiskers([mark.interval for mark in figure.marks if mark.interval])
    after = figure.header.index("srocc_high") + 1
    images = figure.header.index("images")
    marks = [
        (mark, row[images], whisker(mark.value, mark.interval), row[after:])
        for mark, row in zip(figure.marks, figure.rows, strict=True)
    ]
    label = "MOS" if figure.name == "ranges" else figure.header[0]
    return {"marks": marks, "label": label, "more": [_words(column) for column in figure.header[after:]]}


def _head(header: Sequence[str], row: Row) -> list[dict[str, object]]:
    cells = zip(header, row, strict=False)
    return [{"text": _words(column), "is_number": is_number(cell)} for column, cell in cells]


def _words(column: str) -> str:
    """The heading of a column; those that come from an answer key stay as they are."""
    return HEADINGS.get(column, metric_name(column))
