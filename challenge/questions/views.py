"""Questions of a challenge: to read, to ask, and for organisers to answer and to publish."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from challenge.contests.access import Viewer, is_organiser, registration_of, visible_challenges
from challenge.contests.models import Challenge
from challenge.core.http import SignedInRequest
from challenge.core.limits import limited
from challenge.questions import services
from challenge.questions.access import told_by, visible_questions
from challenge.questions.forms import AnswerForm, QuestionFilter, QuestionForm
from challenge.questions.models import Question

PER_PAGE = 20


@require_safe
def questions(request: HttpRequest, challenge: str) -> HttpResponse:
    """Published questions and one's own; organisers see all and may filter."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    return _list(request, shown, QuestionForm())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited("ask")
def ask(request: SignedInRequest, challenge: str) -> HttpResponseBase:
    """Ask; whoever does not take part is sent to where one joins."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    if registration_of(request.user, shown) is None:
        return redirect("join", challenge=shown.slug)
    form = QuestionForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        values = form.cleaned_data
        try:
            made = services.ask(
                challenge=shown, user=request.user, text=values["question"], shows_team=values["shows_team"]
            )
        except services.QuestionRefused as refused:
            form.add_error(refused.field, str(refused))
        else:
            messages.success(request, "The organisers have your question. You are told when they answer.")
            return redirect(made)
    return render(request, "questions/ask.html", {"challenge": shown, "form": form}, status=422 if form.errors else 200)


def _list(request: HttpRequest, challenge: Challenge, form: QuestionForm) -> HttpResponse:
    organises = is_organiser(request.user, challenge)
    wanted = QuestionFilter(request.GET)
    rows = visible_questions(request.user, challenge)
    if organises and wanted.is_valid():
        rows = _filtered(rows, wanted.cleaned_data["state"])
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "challenge": challenge,
        "page": page,
        "rows": [_entry(row, request.user, organises) for row in page.object_list],
        "filter": wanted if organises else None,
        "registration": registration_of(request.user, challenge),
    }
    return render(request, "questions/list.html", context)


def _filtered(rows: QuerySet[Question], state: str) -> QuerySet[Question]:
    if state == "open":
        return rows.filter(answered_at=None)
    return rows.filter(is_published=False) if state == "hidden" else rows


def _entry(row: Question, user: Viewer, organises: bool) -> dict[str, object]:
    return {
        "question": row,
        "team": told_by(row, user, organises=organises),
        "is_mine": row.asker_id is not None and row.asker_id == user.pk,
        "organises": organises,
    }


@require_http_methods(["GET", "HEAD", "POST"])
def question(request: HttpRequest, challenge: str, question_id: UUID) -> HttpResponse:
    """One question; a POST of an organiser answers, publishes, hides or settles it."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    row = get_object_or_404(visible_questions(request.user, shown), pk=question_id)
    organises = is_organiser(request.user, shown)
    if request.method == "POST" and not organises:
        raise Http404
    what = request.POST.get("what", "")
    form = AnswerForm(request.POST if what == "answer" else None, initial={"answer": row.answer, "publishes": True})
    if request.method == "POST" and _done(request, row, what, form):  # type: ignore[arg-type]  # signed in: it organises
        return redirect(row)
    context = {"challenge": shown, "entry": _entry(row, request.user, organises), "form": form if organises else None}
    return render(request, "questions/detail.html", context, status=422 if request.method == "POST" else 200)


def _done(request: SignedInRequest, row: Question, what: str, form: AnswerForm) -> bool:
    if what == "answer" and form.is_valid():
        try:
            services.answer(
                row, form.cleaned_data["answer"], actor=request.user, publishes=form.cleaned_data["publishes"]
            )
        except services.QuestionRefused as refused:
            form.add_error(refused.field, str(refused))
            return False
        messages.success(request, "Saved. The asker is told of the first answer.")
        return True
    if what in ("publish", "hide"):
        services.show(row, what == "publish", actor=request.user)
        messages.success(request, "Everybody who sees the challenge sees it." if what == "publish" else "Hidden.")
        return True
    if what == "settle":
        services.settle(row, actor=request.user)
        messages.success(request, "Marked as answered.")
        return True
    return False
