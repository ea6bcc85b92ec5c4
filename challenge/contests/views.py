"""Home, a challenge's page, joining, the team page."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from challenge.contests import services
from challenge.contests.access import is_organiser, may_change, may_see_scores, registration_of, visible_challenges
from challenge.contests.deadlines import deadline_changes
from challenge.contests.forms import JoinForm
from challenge.contests.models import Challenge, Registration, Team
from challenge.core.http import SignedInRequest
from challenge.submissions import gates


def _phases_for_page(
    challenge: Challenge, request: HttpRequest, registration: Registration | None
) -> list[dict[str, object]]:
    now = timezone.now()
    return [
        {
            "phase": phase,
            "state": phase.state_at(now),
            "may_see_scores": may_see_scores(request.user, phase),
            "gate_asks_for": gates.asks_for(phase),
            "gate_refusal": gates.refusal(registration.team, phase) if registration else "",
            "extensions": deadline_changes(phase),
        }
        for phase in challenge.phases.select_related("challenge", "gate").prefetch_related("events")
    ]


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The challenges one may see."""
    now = timezone.now()
    challenges = visible_challenges(request.user).prefetch_related("phases")
    entries = [
        {
            "challenge": challenge,
            "open": [phase for phase in challenge.phases.all() if phase.state_at(now) == "open"],
            "upcoming": [phase for phase in challenge.phases.all() if phase.state_at(now) == "upcoming"],
        }
        for challenge in challenges
    ]
    return render(request, "contests/home.html", {"entries": entries})


@require_safe
def challenge_page(request: HttpRequest, challenge: str) -> HttpResponse:
    """Description, terms, phases with their dates, and what to do next."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    registration = registration_of(request.user, shown)
    context = {
        "challenge": shown,
        "phases": _phases_for_page(shown, request, registration),
        "registration": registration,
        "is_organiser": is_organiser(request.user, shown),
        "may_change": may_change(request.user, shown),
        "now": timezone.now(),
    }
    return render(request, "contests/challenge.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: SignedInRequest, challenge: str, invitation: str = "") -> HttpResponse:
    """Accept the terms and found a team, or enter the one that the invitation names."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    invited_by = get_object_or_404(Team, challenge=shown, invitation=invitation) if invitation else None
    if registration_of(request.user, shown):
        messages.info(request, "You already take part in this challenge.")
        return redirect(shown)
    form = JoinForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            registration = services.join_challenge(
                user=request.user, challenge=shown, invitation=invitation, **form.cleaned_data
            )
        except services.JoinRefused as refused:
            form.add_error(refused.field, str(refused))
        else:
            messages.success(request, f"Welcome. You take part with the team «{registration.team}».")
            return redirect(shown)
    context = {"challenge": shown, "form": form, "invited_by": invited_by}
    return render(request, "contests/join.html", context, status=200 if not form.errors else 422)


@login_required
@require_safe
def team_page(request: SignedInRequest, challenge: str) -> HttpResponse:
    """The viewer's own team: members, invitation link, places left."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    registration = registration_of(request.user, shown)
    if registration is None:
        return redirect("join", challenge=shown.slug)
    members = registration.team.registrations.select_related("user").order_by("created_at")
    context = {
        "challenge": shown,
        "team": registration.team,
        "invitation_url": request.build_absolute_uri(
            reverse("join-team", args=[shown.slug, registration.team.invitation])
        ),
        "members": members,
        "places_left": max(0, shown.max_team_size - len(members)),
    }
    return render(request, "contests/team.html", context)
