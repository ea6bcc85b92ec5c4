"""The audit log, to read: of one challenge for its organisers, of everything for administrators."""

import json
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from challenge.audit.models import Act, AuditEntry
from challenge.contests.access import may_act, organised_challenges
from challenge.contests.models import Challenge
from challenge.core.export import csv_response
from challenge.core.http import SignedInRequest

ROWS_PER_PAGE = 100
CSV_HEADER = ("at", "actor", "act", "challenge", "kind", "id", "name", "person", "reason", "before", "after")


class LogFilter(forms.Form):
    """Which entries to list."""

    act = forms.ChoiceField(choices=[("", "All"), *Act.choices], required=False, label="Act")
    q = forms.CharField(max_length=100, required=False, label="Person, object or reason")


def _listed(request: SignedInRequest, rows: QuerySet[AuditEntry]) -> tuple[LogFilter, QuerySet[AuditEntry]]:
    form = LogFilter(request.GET)
    rows = rows.select_related("actor", "person", "challenge")
    if form.is_valid():
        if act := form.cleaned_data["act"]:
            rows = rows.filter(act=act)
        if text := form.cleaned_data["q"].strip():
            people = Q(actor__username__icontains=text) | Q(person__username__icontains=text)
            rows = rows.filter(people | Q(name__icontains=text) | Q(reason__icontains=text))
    return form, rows


def _of_challenge(request: SignedInRequest, challenge: str) -> tuple[Challenge, QuerySet[AuditEntry]]:
    shown = get_object_or_404(organised_challenges(request.user), slug=challenge)
    return shown, AuditEntry.objects.filter(challenge=shown)


def _of_site(request: SignedInRequest) -> QuerySet[AuditEntry]:
    if not (may_act(request.user) and request.user.is_superuser):
        raise Http404
    return AuditEntry.objects.all()


def _page(request: SignedInRequest, template: str, rows: QuerySet[AuditEntry], **context: Any) -> HttpResponse:
    form, rows = _listed(request, rows)
    page = Paginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, template, {**context, "filter": form, "page": page, "query": request.GET.urlencode()})


@login_required
@require_safe
def challenge_log(request: SignedInRequest, challenge: str) -> HttpResponse:
    """What was done in a challenge, newest first."""
    shown, rows = _of_challenge(request, challenge)
    return _page(request, "audit/challenge_log.html", rows, challenge=shown)


@login_required
@require_safe
def challenge_log_csv(request: SignedInRequest, challenge: str) -> HttpResponse:
    """The same list as CSV."""
    shown, rows = _of_challenge(request, challenge)
    return _csv(f"{shown.slug}-log.csv", _listed(request, rows)[1])


@login_required
@require_safe
def site_log(request: SignedInRequest) -> HttpResponse:
    """What was done anywhere on this site, for administrators."""
    return _page(request, "audit/site_log.html", _of_site(request))


@login_required
@require_safe
def site_log_csv(request: SignedInRequest) -> HttpResponse:
    """The same list as CSV."""
    return _csv("log.csv", _listed(request, _of_site(request))[1])


def _csv(file_name: str, rows: QuerySet[AuditEntry]) -> HttpResponse:
    response = csv_response(file_name, CSV_HEADER, (_cells(row) for row in rows))
    response["Cache-Control"] = "no-store"
    return response


def _cells(row: AuditEntry) -> tuple[object, ...]:
    return (
        row.at.isoformat(),
        row.actor.username if row.actor else "",
        row.act,
        row.challenge.slug if row.challenge else "",
        row.kind,
        row.object_id,
        row.name,
        row.person.username if row.person else "",
        row.reason,
        json.dumps(row.before) if row.before else "",
        json.dumps(row.after) if row.after else "",
    )
