"""A team as its organisers see it: members, quota and what was granted beyond it, notes."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from challenge.contests.models import Team
from challenge.core.http import SignedInRequest
from challenge.desk import services
from challenge.desk.forms import GrantForm, NoteForm
from challenge.desk.views import organised
from challenge.submissions.models import QuotaGrant
from challenge.submissions.quota import GrantRefused, grant, quota_of


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def team_page(request: SignedInRequest, challenge: str, team_id: UUID) -> HttpResponse:
    """One team; a POST grants submissions, adds a note or removes one."""
    shown = organised(request.user, challenge)
    team = get_object_or_404(shown.teams.select_related("challenge", "leader"), pk=team_id)
    what = request.POST.get("what", "")
    grants = GrantForm(shown, request.POST if what == "grant" else None)
    notes = NoteForm(request.POST if what == "note" else None)
    if request.method == "POST" and _done(request, team, what, grants, notes):
        return redirect("desk-team", challenge=shown.slug, team_id=team.pk)
    context = {
        "challenge": shown,
        "team": team,
        "members": team.registrations.select_related("user").order_by("created_at"),
        "quotas": [(phase, quota_of(team, phase, timezone.now())) for phase in shown.phases.all()],
        "granted": QuotaGrant.objects.filter(team=team).select_related("phase", "granted_by"),
        "notes": team.notes.select_related("author"),
        "grant_form": grants,
        "note_form": notes,
    }
    is_wrong = request.method == "POST"
    return render(request, "desk/team.html", context, status=422 if is_wrong else 200)


def _done(request: SignedInRequest, team: Team, what: str, grants: GrantForm, notes: NoteForm) -> bool:
    if what == "grant" and grants.is_valid():
        return _granted(request, team, grants)
    if what == "note" and notes.is_valid():
        services.add_note(team, notes.cleaned_data["text"], actor=request.user)
        messages.success(request, "The note is kept.")
        return True
    if what == "remove" and request.POST.get("note", "").isdecimal():
        services.remove_note(team, int(request.POST["note"]), actor=request.user)
        messages.success(request, "The note is removed.")
        return True
    return False


def _granted(request: SignedInRequest, team: Team, form: GrantForm) -> bool:
    values: dict[str, Any] = form.cleaned_data
    try:
        grant(team=team, actor=request.user, **values)
    except GrantRefused as refused:
        form.add_error(refused.field, str(refused))
        return False
    messages.success(request, f"{team.name} may send {values['slots']} more.")
    return True
