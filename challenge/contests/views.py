"""Home, a challenge's page, joining, the terms (the team page is in the app `teams`)."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from challenge.analyses.budget import budget_of
from challenge.contests import services
from challenge.contests.access import (
    application_of,
    is_organiser,
    may_change,
    may_see_scores,
    registration_of,
    visible_challenges,
)
from challenge.contests.deadlines import deadline_changes
from challenge.contests.forms import JoinForm
from challenge.contests.models import Challenge, Registration
from challenge.core.http import SignedInRequest
from challenge.reports.prefill import phases_that_ask
from challenge.submissions import gates

LATEST_ANNOUNCEMENTS = 3


def _phases_for_page(challenge: Challenge, request: HttpRequest) -> list[dict[str, object]]:
    now = timezone.now()
    registration = registration_of(request.user, challenge)
    asking = phases_that_ask(registration.team) if registration else set()
    return [
        {
            "phase": phase,
            "state": phase.state_at(now),
            "may_see_scores": may_see_scores(request.user, phase),
            "gate_asks_for": gates.asks_for(phase),
            "gate_refusal": gates.refusal(registration.team, phase) if registration else "",
            "extensions": deadline_changes(phase),
            "budget": budget_of(registration.team, phase) if registration else None,
            "asks_for_sheet": phase.pk in asking,
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
    context = {
        "challenge": shown,
        "phases": _phases_for_page(shown, request),
        "registration": registration_of(request.user, shown),
        "application": application_of(request.user, shown),
        "is_organiser": is_organiser(request.user, shown),
        "may_change": may_change(request.user, shown),
        "announcements": shown.announcements.filter(withdrawn_at=None)[:LATEST_ANNOUNCEMENTS],
        "now": timezone.now(),
    }
    return render(request, "contests/challenge.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: SignedInRequest, challenge: str, invitation: str = "") -> HttpResponse:
    """Accept the terms and found a team, or enter the one that the invitation names.

    Whoever has registered already reads here what became of it.
    """
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    invited_by = get_object_or_404(shown.teams, invitation=invitation, merged_into=None) if invitation else None
    application = application_of(request.user, shown)
    if application and application.status == Registration.Status.ACCEPTED:
        messages.info(request, "You already take part in this challenge.")
        return redirect(shown)
    if application and request.method != "POST":
        return render(request, "contests/application.html", {"challenge": shown, "application": application})
    form = JoinForm(shown, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            registration = services.join_challenge(
                user=request.user, challenge=shown, invitation=invitation, **form.arguments()
            )
        except services.JoinRefused as refused:
            form.add_error(refused.field, str(refused))
        else:
            return _joined(request, registration)
    context = {"challenge": shown, "form": form, "invited_by": invited_by}
    return render(request, "contests/join.html", context, status=200 if not form.errors else 422)


def _joined(request: SignedInRequest, registration: Registration) -> HttpResponse:
    if registration.status == Registration.Status.PENDING:
        messages.success(request, "Registered. The organisers decide; you will get a mail.")
        return redirect("join", challenge=registration.challenge.slug)
    messages.success(request, f"Welcome. You take part with the team «{registration.team}».")
    return redirect(registration.challenge)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def terms(request: SignedInRequest, challenge: str) -> HttpResponse:
    """The terms as they are now, to be accepted by participants who accepted an earlier version."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    registration = registration_of(request.user, shown)
    if registration is None:
        return redirect("join", challenge=shown.slug)
    if request.method == "POST":
        version = request.POST.get("version", "")
        if version.isdecimal() and services.accept_terms(registration, int(version[:9])):
            messages.success(request, "Thank you. You can get the data and submit again.")
            return redirect(shown)
        messages.warning(request, "The terms have just changed once more. Read them and accept them.")
    return render(request, "contests/terms.html", {"challenge": shown, "registration": registration})
