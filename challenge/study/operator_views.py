"""The operator's pages: the matrix of subjects and sessions, opening one again, tables, import, archive."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from challenge.core.export import csv_response
from challenge.core.http import SignedInRequest
from challenge.study import opinions, setup
from challenge.study.access import organised_study
from challenge.study.exports import RECORDED_COLUMNS, mos_rows, parquet_bytes, recorded_rows
from challenge.study.forms import ImportForm, ReasonForm
from challenge.study.models import RatingSession, Study
from challenge.study.pace import outlook
from challenge.study.preparation_rules import required
from challenge.study.preparations import summaries
from challenge.study.quality import overview
from challenge.study.records import Preparation
from scoring.ratings import COLUMNS as MOS_COLUMNS
from scoring.ratings import InvalidRatings

EVENTS_SHOWN = 50


def _page(study: Study) -> dict[str, object]:
    return {"challenge": study.challenge, "study": study}


def _matrix(study: Study) -> dict[str, object]:
    """Rows of the matrix: a subject, its calendar, what came before the first session, sessions of each group."""
    found, prepared, ahead = overview(study), summaries(study), outlook(study)
    rows = [
        (
            subject,
            ahead.calendars.get(subject.number),
            [(Preparation.Kind(kind).label, one) for kind, one in sorted(prepared.get(subject.number, {}).items())],
            [subject.sessions.get(group, ()) for group in found.groups],
        )
        for subject in found.subjects
    ]
    has_preparations = bool(prepared) or bool(required(study))
    return {"overview": found, "outlook": ahead, "rows": rows, "has_preparations": has_preparations}


@login_required
@require_safe
def study_page(request: SignedInRequest, challenge: str, study_id: UUID) -> HttpResponse:
    """Where the study stands: what to do next, the matrix, tables, history."""
    study = organised_study(request.user, challenge, study_id)
    context = {
        **_page(study),
        **_matrix(study),
        "image_count": study.images.count(),
        "sealed": study.sealed_ratings.select_related("added_by"),
        "events": study.events.select_related("actor", "session__subject")[:EVENTS_SHOWN],
    }
    return render(request, "study/study.html", context)


@login_required
@require_safe
def matrix(request: SignedInRequest, challenge: str, study_id: UUID) -> HttpResponse:
    """The matrix alone; it asks for itself again while the study is open."""
    study = organised_study(request.user, challenge, study_id)
    return render(request, "study/_matrix.html", {**_page(study), **_matrix(study)})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def reopen(request: SignedInRequest, challenge: str, study_id: UUID, session_id: UUID) -> HttpResponse:
    """Say why, then let the subject rate this group once more."""
    study = organised_study(request.user, challenge, study_id)
    sessions = RatingSession.objects.select_related("subject__study")
    session = get_object_or_404(sessions, pk=session_id, subject__study=study)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            setup.reopen_session(session, form.cleaned_data["reason"], request.user)
        except setup.ChangeRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"{session.subject} rates group {session.group} again.")
            return redirect(study)
    context = {**_page(study), "session": session, "form": form}
    return render(request, "study/reopen.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def raw_csv(request: SignedInRequest, challenge: str, study_id: UUID) -> HttpResponse:
    """Every answer with everything that was recorded."""
    study = organised_study(request.user, challenge, study_id)
    return _private(csv_response(f"{challenge}-raw-ratings.csv", RECORDED_COLUMNS, recorded_rows(study)))


@login_required
@require_safe
def mos_csv(request: SignedInRequest, challenge: str, study_id: UUID) -> HttpResponse:
    """The ratings that count, as `python -m scoring mos` reads them."""
    study = organised_study(request.user, challenge, study_id)
    return _private(csv_response(f"{challenge}-ratings.csv", MOS_COLUMNS, mos_rows(study)))


@login_required
@require_safe
def raw_parquet(request: SignedInRequest, challenge: str, study_id: UUID) -> HttpResponse:
    """The same as Parquet, where the server has pyarrow; else back to the study, which says so."""
    study = organised_study(request.user, challenge, study_id)
    try:
        content = parquet_bytes(RECORDED_COLUMNS, recorded_rows(study))
    except ModuleNotFoundError:
        messages.warning(
            request,
            "This server cannot write Parquet: pyarrow is not installed (make database). CSV has the same rows.",
        )
        return redirect(study)
    response = HttpResponse(content, content_type="application/vnd.apache.parquet")
    response["Content-Disposition"] = f'attachment; filename="{challenge}-raw-ratings.parquet"'
    return _private(response)


def _private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def import_ratings(request: SignedInRequest, challenge: str, study_id: UUID) -> HttpResponse:
    """Add ratings that were collected elsewhere; every fault by its line."""
    study = organised_study(request.user, challenge, study_id)
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    report = None
    if form.is_bound and form.is_valid():
        try:
            row = setup.import_ratings(study, form.cleaned_data["ratings"], form.cleaned_data["note"], request.user)
        except InvalidRatings as error:
            report = error.report
        else:
            messages.success(request, f"{row.rows:,} ratings of {row.subjects} subjects added, sealed.")
            return redirect(study)
    context = {**_page(study), "form": form, "report": report}
    return render(request, "study/import.html", context, status=422 if form.errors or report else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def archive(request: SignedInRequest, challenge: str, study_id: UUID) -> HttpResponse:
    """Ask, then seal the ratings and take them out of this server's reach."""
    study = organised_study(request.user, challenge, study_id)
    if request.method != "POST":
        return render(request, "study/archive.html", _page(study))
    try:
        opinions.archive(study, request.user)
    except setup.ChangeRefused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, "Archived. Workers alone can read the ratings now.")
    return redirect(study)
