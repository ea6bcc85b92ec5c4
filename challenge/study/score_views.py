"""Opinion scores for organisers: ask for them, read their diagnostics, download them, send them on."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from challenge.core import plots
from challenge.core.downloads import StoredFile, send_file
from challenge.core.http import SignedInRequest
from challenge.core.work import State
from challenge.study import opinions
from challenge.study.access import organised_study
from challenge.study.figures import figure_5, figure_5_file
from challenge.study.forms import PublishForm, ScoresForm
from challenge.study.records import OpinionRun
from challenge.study.setup import ChangeRefused


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def scores(request: SignedInRequest, challenge: str, study_id: UUID) -> HttpResponse:
    """All computations of opinion scores; a POST starts one."""
    study = organised_study(request.user, challenge, study_id)
    form = ScoresForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            run = opinions.ask_for_scores(study, form.cleaned_data, request.user)
        except ChangeRefused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect(run)
    context = {
        "challenge": study.challenge,
        "study": study,
        "form": form,
        "runs": study.opinion_runs.select_related("started_by").defer("result"),
    }
    return render(request, "study/scores.html", context, status=422 if form.errors else 200)


def _run(request: SignedInRequest, challenge: str, study_id: UUID, run_id: UUID) -> OpinionRun:
    study = organised_study(request.user, challenge, study_id)
    found: OpinionRun = get_object_or_404(
        OpinionRun.objects.select_related("study__challenge", "started_by"), pk=run_id, study=study
    )
    return found


def _context(run: OpinionRun) -> dict[str, Any]:
    context: dict[str, Any] = {
        "challenge": run.study.challenge,
        "study": run.study,
        "run": run,
        "is_working": run.state in (State.WAITING, State.RUNNING),
        "publications": run.publications.select_related("phase", "answer_key", "data_version", "asked_by"),
    }
    context["is_waiting"] = context["is_working"] or any(
        one.state in (State.WAITING, State.RUNNING) for one in context["publications"]
    )
    if run.result is not None:
        found = run.result["diagnostics"]
        rejected = run.result["rejected"]
        context |= {
            "found": found,
            "figure": figure_5(run.result, run.transform),
            "distributions": list(found["distributions"].items()),
            "subjects": [(name, value, rejected.get(name, "")) for name, value in found["statistic"].items()],
        }
    return context


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def run_page(request: SignedInRequest, challenge: str, study_id: UUID, run_id: UUID) -> HttpResponse:
    """Diagnostics of one computation; a POST sends its scores on."""
    run = _run(request, challenge, study_id, run_id)
    bound = (request.POST, request.FILES) if request.method == "POST" else ()
    form = PublishForm(run.study.challenge, *bound)
    if form.is_bound and form.is_valid():
        try:
            opinions.publish(run, **form.cleaned_data, actor=request.user)
        except ChangeRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, "A worker does that now.")
            return redirect(run)
    return render(request, "study/run.html", {**_context(run), "form": form}, status=422 if form.errors else 200)


@login_required
@require_safe
def run_status(request: SignedInRequest, challenge: str, study_id: UUID, run_id: UUID) -> HttpResponse:
    """The part of its page that changes; it asks for itself again while there is work."""
    return render(request, "study/_run.html", _context(_run(request, challenge, study_id, run_id)))


@login_required
@require_safe
def run_csv(request: SignedInRequest, challenge: str, study_id: UUID, run_id: UUID) -> HttpResponseBase:
    """The table of scores, while the web tier may have it; 404 otherwise."""
    run = _run(request, challenge, study_id, run_id)
    if not run.table or run.finished_at is None:
        raise Http404
    return send_file(
        request,
        StoredFile(
            storage=run.table.storage,
            path=str(run.table.name),
            name=f"{challenge}-mos-{run.number}.csv",
            size=run.table.size,
            etag=run.sealed_sha256,
            modified=run.finished_at,
        ),
    )


@login_required
@require_safe
def run_figure(request: SignedInRequest, challenge: str, study_id: UUID, run_id: UUID, kind: str) -> HttpResponse:
    """Figure 5 as a drawing (svg, pdf) or its numbers (json)."""
    run = _run(request, challenge, study_id, run_id)
    if run.result is None or kind not in (*plots.CONTENT_TYPES, "json"):
        raise Http404
    numbers, name = figure_5(run.result, run.transform), f"{challenge}-figure-5-{run.number}"
    if kind == "json":
        return JsonResponse(numbers, headers={"Content-Disposition": f'attachment; filename="{name}.json"'})
    return plots.download(
        plots.cached(f"figure5:{run.pk.hex}:{kind}", lambda: figure_5_file(numbers, kind)), kind, name
    )
