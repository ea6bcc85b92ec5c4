"""Figures 3, 6 and 7 of opinion scores, for organisers: ask for them, look at them, download them."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from challenge.core import plots
from challenge.core.http import SignedInRequest
from challenge.core.work import State
from challenge.study import opinions
from challenge.study.access import organised_study
from challenge.study.figure_form import LENGTH_WORDS, FiguresForm
from challenge.study.figure_run import LEAST
from challenge.study.records import FigureRun, OpinionRun
from challenge.study.setup import ChangeRefused
from generation.attributes.figure import drawn as figure_3_file
from generation.figures.drawing import SPREADS, figure6_file, figure7_file

# Drawing -> (figure of the result, what draws its numbers). Figure 6 comes as means and adjusted, with both bars.
DRAWINGS: dict[str, tuple[str, Any]] = {
    "3": ("3", figure_3_file),
    "7": ("7", figure7_file),
    **{
        f"6{'-adjusted' if adjusted else ''}-{spread}": (
            "6",
            lambda numbers, kind, adjusted=adjusted, spread=spread: figure6_file(
                numbers, kind, adjusted=adjusted, spread=spread
            ),
        )
        for adjusted in (False, True)
        for spread in SPREADS
    },
}


def _run(request: SignedInRequest, challenge: str, study_id: UUID, run_id: UUID) -> OpinionRun:
    study = organised_study(request.user, challenge, study_id)
    runs = OpinionRun.objects.select_related("study__challenge").defer("result")
    found: OpinionRun = get_object_or_404(runs, pk=run_id, study=study)
    return found


def _context(request: SignedInRequest, run: OpinionRun) -> dict[str, Any]:
    newest = run.figure_runs.select_related("started_by").first()
    adjusted, spread = request.GET.get("values") == "adjusted", request.GET.get("bars")
    spread = spread if spread in SPREADS else next(iter(SPREADS))
    context: dict[str, Any] = {
        "challenge": run.study.challenge,
        "study": run.study,
        "run": run,
        "made": newest,
        "is_waiting": newest is not None and newest.state in (State.WAITING, State.RUNNING),
        "least": LEAST,
        "adjusted": adjusted,
        "spread": spread,
        "spreads": SPREADS,
        "spread_words": SPREADS[spread],
        "query": request.GET.urlencode(),
    }
    if newest is not None and newest.result is not None:
        six = newest.result["6"]
        context |= {
            "three": newest.result["3"],
            "six": six,
            "confounding": _confounding(six["panels"]) if six else [],
            "seven": newest.result["7"],
            "six_drawing": f"6{'-adjusted' if adjusted else ''}-{spread}",
            "length_words": LENGTH_WORDS[newest.length],
        }
    return context


def _confounding(panels: list[dict[str, Any]]) -> list[str]:
    """How far each parameter goes together with the others, a sentence each."""
    return [
        f"Images with another {panel['factor']} also have "
        + " and ".join(
            f"another {other} in {share['abnormal']:.0%} (others: {share['default']:.0%})"
            for other, share in panel["confounding"].items()
        )
        + ". "
        for panel in panels
        if "confounding" in panel
    ]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def figures(request: SignedInRequest, challenge: str, study_id: UUID, run_id: UUID) -> HttpResponse:
    """The newest figures of one computation of scores; a POST asks for new ones."""
    run = _run(request, challenge, study_id, run_id)
    form = FiguresForm(*((request.POST, request.FILES) if request.method == "POST" else ()))
    if form.is_bound and form.is_valid():
        try:
            opinions.ask_for_figures(run, **form.cleaned_data, actor=request.user)
        except ChangeRefused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("opinion-figures", challenge=challenge, study_id=study_id, run_id=run_id)
    context = {**_context(request, run), "form": form}
    return render(request, "study/figures.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def figures_status(request: SignedInRequest, challenge: str, study_id: UUID, run_id: UUID) -> HttpResponse:
    """The part of its page that changes; it asks for itself again while there is work."""
    return render(request, "study/_figures.html", _context(request, _run(request, challenge, study_id, run_id)))


@login_required
@require_safe
def figure(
    request: SignedInRequest, challenge: str, study_id: UUID, run_id: UUID, *, figures_id: UUID, name: str, kind: str
) -> HttpResponse:
    """One of DRAWINGS as a file (svg, pdf), or its numbers (json)."""
    run = _run(request, challenge, study_id, run_id)
    made: FigureRun = get_object_or_404(FigureRun.objects.exclude(result=None), pk=figures_id, run=run)
    number, draw = DRAWINGS.get(name, ("", None))
    numbers = made.result.get(number) if made.result else None
    if numbers is None or kind not in (*plots.CONTENT_TYPES, "json"):
        raise Http404
    file_name = f"{challenge}-figure-{number if kind == 'json' else name}-{run.number}"
    if kind == "json":
        return JsonResponse(numbers, headers={"Content-Disposition": f'attachment; filename="{file_name}.json"'})
    content = plots.cached(f"figures:{made.pk.hex}:{name}:{kind}", lambda: draw(numbers, kind))
    return plots.download(content, kind, file_name)
