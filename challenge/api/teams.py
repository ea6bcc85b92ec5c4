"""The caller's own team."""

from django.shortcuts import get_object_or_404
from ninja import Router

from challenge.api.auth import Caller, read
from challenge.api.errors import refusals
from challenge.api.schemas import MemberOut, TeamOut
from challenge.contests.access import registration_of, visible_challenges
from challenge.submissions.intake import SubmissionRefused

router = Router(tags=["teams"])


@router.get("/challenges/{slug:slug}/team", response={200: TeamOut, **refusals(403, 404)}, auth=read)
def get_team(request: Caller, slug: str) -> TeamOut:
    """The team in which the caller takes part, and its members."""
    challenge = get_object_or_404(visible_challenges(request.auth), slug=slug)
    registration = registration_of(request.auth, challenge)
    if registration is None:
        raise SubmissionRefused("not_registered", "Join the challenge first.")
    team = registration.team
    members = [
        MemberOut(username=row.user.username, status=row.status, is_leader=row.user_id == team.leader_id)
        for row in team.members.select_related("user").order_by("created_at")
    ]
    return TeamOut(
        id=team.pk,
        name=team.name,
        members=members,
        places_left=max(0, challenge.max_team_size - len(members)),
        owes_consent=registration.owes_consent,
    )
