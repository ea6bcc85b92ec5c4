"""The organisers' pages about people: registrations, their export, who else organises."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from challenge.contests import registrations as services
from challenge.contests.access import organised_challenges
from challenge.contests.forms import DecisionForm, OrganiserForm, RegistrationFilter
from challenge.contests.models import Challenge, Registration
from challenge.core.export import csv_response
from challenge.core.http import SignedInRequest

ROWS_PER_PAGE = 100


def _listed(challenge: Challenge, request: SignedInRequest) -> tuple[RegistrationFilter, QuerySet[Registration]]:
    form = RegistrationFilter(request.GET)
    rows = challenge.registrations.select_related("user", "team").order_by("-created_at", "pk")
    if form.is_valid():
        if status := form.cleaned_data["status"]:
            rows = rows.filter(status=status)
        if text := form.cleaned_data["q"].strip():
            rows = rows.filter(
                Q(user__username__icontains=text) | Q(user__email__icontains=text) | Q(team__name__icontains=text)
            )
    return form, rows


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def registrations(request: SignedInRequest, challenge: str) -> HttpResponse:
    """Everybody who has registered, with their answers; decide on one or on many."""
    shown = get_object_or_404(organised_challenges(request.user), slug=challenge)
    decision = DecisionForm(shown, request.POST if request.method == "POST" else None)
    if request.method == "POST" and decision.is_valid():
        _decide(request, decision.cleaned_data)
        query = urlencode({name: request.GET[name] for name in ("status", "q") if request.GET.get(name)})
        return redirect(f"{request.path}?{query}" if query else request.path)
    form, rows = _listed(shown, request)
    page = Paginator(rows.prefetch_related("events__actor"), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "challenge": shown,
        "filter": form,
        "decision": decision,
        "page": page,
        "waiting": shown.registrations.filter(status=Registration.Status.PENDING).count(),
        "query": request.GET.urlencode(),
    }
    return render(request, "contests/registrations.html", context, status=422 if decision.errors else 200)


def _decide(request: SignedInRequest, values: dict[str, Any]) -> None:
    changed = 0
    for registration in values["chosen"]:
        try:
            changed += services.apply(registration, values["decision"], actor=request.user, reason=values["reason"])
        except services.NotPossible as error:
            messages.warning(request, f"{registration.user}: {error}")
    left = len(values["chosen"]) - changed
    messages.success(request, f"{changed} changed{f', {left} left as they were' if left else ''}.")


@login_required
@require_safe
def registrations_csv(request: SignedInRequest, challenge: str) -> HttpResponse:
    """The same list as CSV, with one column for each question that anybody has answered."""
    shown = get_object_or_404(organised_challenges(request.user), slug=challenge)
    rows = list(_listed(shown, request)[1])
    questions = list(dict.fromkeys(answer["question"] for row in rows for answer in row.answers))
    header = ["user", "email", "team", "state", "registered_at", "terms_version", "terms_accepted_at", *questions]
    response = csv_response(f"{shown.slug}-registrations.csv", header, (_cells(row, questions) for row in rows))
    response["Cache-Control"] = "no-store"
    return response


def _cells(row: Registration, questions: list[str]) -> list[object]:
    said = {answer["question"]: answer["answer"] for answer in row.answers}
    return [
        row.user.username,
        row.user.email,
        row.team.name if row.team else "",
        row.status,
        row.created_at.isoformat(),
        row.terms_version,
        row.terms_accepted_at.isoformat(),
        *(said.get(question) for question in questions),
    ]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def organisers(request: SignedInRequest, challenge: str) -> HttpResponse:
    """Who organises the challenge; add somebody, remove somebody."""
    shown = get_object_or_404(organised_challenges(request.user), slug=challenge)
    form = OrganiserForm()
    if request.method == "POST" and "remove" in request.POST:
        return _remove_organiser(request, shown)
    if request.method == "POST":
        form = OrganiserForm(request.POST)
        if form.is_valid():
            try:
                user = services.add_organiser(shown, form.cleaned_data["name"], actor=request.user)
            except services.NotPossible as error:
                form.add_error("name", str(error))
            else:
                messages.success(request, f"{user.username} organises this challenge now.")
                return redirect("organisers", challenge=shown.slug)
    context = {"challenge": shown, "organisers": shown.organisers.order_by("username"), "form": form}
    return render(request, "contests/organisers.html", context, status=422 if form.errors else 200)


def _remove_organiser(request: SignedInRequest, challenge: Challenge) -> HttpResponse:
    user = challenge.organisers.filter(username=request.POST["remove"]).first()
    if user is None:
        messages.warning(request, "This user does not organise the challenge.")
        return redirect("organisers", challenge=challenge.slug)
    try:
        services.remove_organiser(challenge, user, actor=request.user)
    except services.NotPossible as error:
        messages.warning(request, str(error))
        return redirect("organisers", challenge=challenge.slug)
    messages.success(request, f"{user.username} no longer organises this challenge.")
    return redirect(challenge) if user == request.user else redirect("organisers", challenge=challenge.slug)
