"""The team's own page, what its members and leader do there, and the organisers' page of all teams."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from challenge.contests.access import (
    application_of,
    is_organiser,
    organised_challenges,
    registration_of,
    visible_challenges,
)
from challenge.contests.models import Registration, Team
from challenge.core.http import SignedInRequest
from challenge.core.limits import limited
from challenge.reports.views import sheet_states
from challenge.teams import mergers, services
from challenge.teams.access import visible_mergers
from challenge.teams.forms import MergeForm, RenameForm
from challenge.teams.models import Merger

TEAMS_PER_PAGE = 50


def _page(request: SignedInRequest, registration: Registration, team: Team, **forms: object) -> HttpResponse:
    challenge = registration.challenge
    members = list(team.members.select_related("user").order_by("created_at"))
    context = {
        "challenge": challenge,
        "team": team,
        "invitation_url": request.build_absolute_uri(reverse("join-team", args=[challenge.slug, team.invitation])),
        "members": members,
        "places_left": max(0, challenge.max_team_size - len(members)),
        "leads": team.leader_id == request.user.pk,
        "mergers": [
            {"merger": merger, "is_ours": merger.asking_id == team.pk}
            for merger in visible_mergers(request.user).filter(state__in=Merger.OPEN)
            if team.pk in (merger.asking_id, merger.asked_id)
        ],
        "sheets": sheet_states(team),
        "events": team.events.select_related("actor", "member").order_by("-at", "-pk")[:50],
        "rename_form": RenameForm(initial={"name": team.name}),
        "merge_form": MergeForm(),
        **forms,
    }
    return render(request, "teams/team.html", context, status=422 if forms else 200)


@login_required
@require_safe
def team_page(request: SignedInRequest, challenge: str) -> HttpResponse:
    """The viewer's own team: members, invitation link, places left, plans of mergers, history."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    registration = registration_of(request.user, shown)
    if registration is None:
        return redirect("join", challenge=shown.slug)
    return _page(request, registration, registration.team)


@login_required
@require_POST
def rename(request: SignedInRequest, challenge: str) -> HttpResponse:
    """Give one's own team another name."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    registration = registration_of(request.user, shown)
    if registration is None:
        return redirect("join", challenge=shown.slug)
    form = RenameForm(request.POST)
    if form.is_valid():
        try:
            services.rename(registration.team, form.cleaned_data["name"], actor=request.user)
        except services.ChangeRefused as refused:
            form.add_error("name", str(refused))
        else:
            messages.success(request, "Renamed.")
            return redirect("team", challenge=shown.slug)
    return _page(request, registration, registration.team, rename_form=form)


@login_required
@require_POST
def renew_invitation(request: SignedInRequest, challenge: str) -> HttpResponse:
    """Make a new invitation link for one's own team."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    registration = registration_of(request.user, shown)
    if registration is None:
        return redirect("join", challenge=shown.slug)
    team = registration.team
    _try(request, lambda: services.renew_invitation(team, actor=request.user), "The old link no longer works.")
    return redirect("team", challenge=shown.slug)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: SignedInRequest, challenge: str) -> HttpResponse:
    """Ask, then leave the team and the challenge; also for whoever still waits for the organisers."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    registration = application_of(request.user, shown)
    if registration is None or registration.team is None or registration.status not in Registration.HOLD_A_PLACE:
        return redirect("join", challenge=shown.slug)
    if request.method != "POST":
        has_submitted = registration.team.submissions.exists()
        context = {"challenge": shown, "team": registration.team, "has_submitted": has_submitted}
        return render(request, "teams/leave.html", context)
    if _try(request, lambda: services.leave(registration), "You have left the team."):
        return redirect(shown)
    return redirect("team", challenge=shown.slug)


@login_required
@require_POST
def remove_member(request: SignedInRequest, challenge: str, registration: str) -> HttpResponse:
    """Take somebody out of a team: its leader from the team page, an organiser from the page of all teams."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    row = get_object_or_404(shown.registrations.select_related("team", "user"), pk=registration, team__isnull=False)
    organises = is_organiser(request.user, shown)
    own = registration_of(request.user, shown)
    if not organises and (own is None or own.team_id != row.team_id):
        return redirect("join", challenge=shown.slug)
    done = f"{row.user.username} is no longer in the team."
    _try(request, lambda: services.remove_member(row, actor=request.user), done)
    return redirect("team" if own and own.team_id == row.team_id else "teams", challenge=shown.slug)


@login_required
@require_POST
@limited("merge")
def ask_merger(request: SignedInRequest, challenge: str) -> HttpResponse:
    """Ask another team to join one's own."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    registration = registration_of(request.user, shown)
    if registration is None:
        return redirect("join", challenge=shown.slug)
    form = MergeForm(request.POST)
    if form.is_valid():
        try:
            mergers.ask(registration.team, form.cleaned_data["team"], actor=request.user)
        except services.ChangeRefused as refused:
            form.add_error("team", str(refused))
        else:
            messages.success(request, "Asked. The other team's leader has to agree, then the organisers.")
            return redirect("team", challenge=shown.slug)
    return _page(request, registration, registration.team, merge_form=form)


@login_required
@require_POST
def answer_merger(request: SignedInRequest, challenge: str, merger: str) -> HttpResponse:
    """Agree to a merger, call it off, or (organisers) confirm it."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    plan = get_object_or_404(visible_mergers(request.user), pk=merger, asking__challenge=shown)
    answer = request.POST.get("answer")
    if answer == "confirm" and is_organiser(request.user, shown):
        _try(request, lambda: mergers.confirm(plan, actor=request.user), "The teams are one now.")
    elif answer == "agree":
        _try(request, lambda: mergers.agree(plan, actor=request.user), "Agreed. The organisers decide.")
    elif answer == "end":
        reason = request.POST.get("reason", "")
        _try(request, lambda: mergers.call_off(plan, actor=request.user, reason=reason), "Called off.")
    else:
        messages.warning(request, "Say what is to be done with this plan.")
    return redirect("team" if registration_of(request.user, shown) else "teams", challenge=shown.slug)


@login_required
@require_safe
def teams(request: SignedInRequest, challenge: str) -> HttpResponse:
    """For organisers: every team with its members, and the mergers that wait."""
    shown = get_object_or_404(organised_challenges(request.user), slug=challenge)
    members = Registration.objects.filter(status__in=Registration.HOLD_A_PLACE).select_related("user")
    rows = (
        shown.teams.filter(merged_into=None)
        .annotate(files=Count("submissions"))
        .order_by("name")
        .select_related("leader")
        .prefetch_related(Prefetch("registrations", queryset=members.order_by("created_at"), to_attr="listed"))
    )
    context = {
        "challenge": shown,
        "page": Paginator(rows, TEAMS_PER_PAGE).get_page(request.GET.get("page")),
        "mergers": Merger.objects.filter(asking__challenge=shown, state__in=Merger.OPEN).select_related(
            "asking", "asked"
        ),
    }
    return render(request, "teams/teams.html", context)


def _try(request: SignedInRequest, change: Callable[[], object], done: str) -> bool:
    """Make a change and say that it is made, or why it is not."""
    try:
        change()
    except services.ChangeRefused as refused:
        messages.warning(request, str(refused))
        return False
    messages.success(request, done)
    return True
