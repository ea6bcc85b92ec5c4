"""Writes to teams that exist: one function, one transaction, one event. Mergers are in `mergers`.

Each function locks the challenge first and the team's row after it, the order of `contests` and of uploads: membership
changes wait for each other, and an upload that is being stored ends before its owner is out of the team.
"""

from django.db import IntegrityError, transaction

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.contests.access import is_organiser
from challenge.contests.models import Challenge, Registration, Team, new_invitation, team_name
from challenge.contests.records import RegistrationEvent, TeamEvent
from challenge.contests.services import boards_changed, settle_leader

Action = TeamEvent.Action


class ChangeRefused(Exception):
    """A team cannot be changed like that; `str(error)` says why and what to do."""


def locked(*teams: Team) -> tuple[Challenge, list[Team]]:
    """The challenge of `teams` and their rows as they are now, locked until the transaction ends."""
    challenge = Challenge.objects.select_for_update().get(pk=teams[0].challenge_id)
    rows = {row.pk: row for row in Team.objects.select_for_update().filter(pk__in=[t.pk for t in teams]).order_by("pk")}
    return challenge, [rows[team.pk] for team in teams]


def may_lead(user: User, team: Team) -> bool:
    """Whether `user` may change `team`: its leader, or an organiser."""
    return team.leader_id == user.pk or is_organiser(user, team.challenge)


def _require_leader(user: User, team: Team) -> None:
    if not may_lead(user, team):
        raise ChangeRefused("Only the team's leader or an organiser can do that.")


@transaction.atomic
def rename(team: Team, name: str, *, actor: User) -> None:
    """Give the team another name that no other team of the challenge has or had. Raises ChangeRefused."""
    challenge, (team,) = locked(team)
    _require_leader(actor, team)
    name = team_name(name)
    if not name or len(name) > 60:
        raise ChangeRefused("Give a name of 1 to 60 characters.")
    before, team.name = team.name, name
    try:
        with transaction.atomic():
            team.save(update_fields=["name"])
    except IntegrityError:
        raise ChangeRefused(f"The name «{name}» is taken.") from None
    TeamEvent.objects.create(team=team, actor=actor, action=Action.RENAMED, detail=f"{before} → {name}")
    if actor.pk != team.leader_id:
        record(actor, Act.TEAM_RENAMED, team, challenge=challenge, before={"name": before}, after={"name": name})
    boards_changed(challenge)


@transaction.atomic
def renew_invitation(team: Team, *, actor: User) -> None:
    """Make a new invitation link; the old one leads nowhere from now on. Raises ChangeRefused."""
    _, (team,) = locked(team)
    _require_leader(actor, team)
    team.invitation = new_invitation()
    team.save(update_fields=["invitation"])
    TeamEvent.objects.create(team=team, actor=actor, action=Action.INVITATION)


@transaction.atomic
def remove_member(registration: Registration, *, actor: User) -> None:
    """Take somebody out of their team, by its leader or an organiser; leaving by oneself is `leave`. Raises
    ChangeRefused."""
    registration, team = _member(registration)
    _require_leader(actor, team)
    if actor.pk != team.leader_id:
        record(actor, Act.MEMBER_REMOVED, team, challenge=registration.challenge, person=registration.user)
    _take_out(registration, team, actor, Action.REMOVED)


@transaction.atomic
def leave(registration: Registration) -> None:
    """The user leaves the team and, with it, the challenge; the team's submissions stay the team's.

    Whoever leaves a team that has submitted joins again only with the organisers' approval. The last member of such a
    team cannot leave: its row on the boards would belong to nobody. Raises ChangeRefused.
    """
    registration, team = _member(registration)
    _take_out(registration, team, registration.user, Action.LEFT)


def _member(registration: Registration) -> tuple[Registration, Team]:
    """The registration as it is now, and its team, both under the challenge's lock."""
    Challenge.objects.select_for_update().get(pk=registration.challenge_id)
    row = Registration.objects.select_related("user", "team", "challenge").get(pk=registration.pk)
    if row.team is None or row.status not in Registration.HOLD_A_PLACE:
        raise ChangeRefused("This user is in no team any more.")
    _, (team,) = locked(row.team)
    return row, team


def _take_out(registration: Registration, team: Team, actor: User, action: TeamEvent.Action) -> None:
    has_submitted = team.submissions.exists()
    others = team.members.exclude(pk=registration.pk).filter(status=Registration.Status.ACCEPTED)
    if has_submitted and not others.exists():
        raise ChangeRefused(
            "The last member of a team that has submitted cannot leave: its files and its row on the leaderboard would "
            "belong to nobody. Erasing the account is possible all the same."
        )
    put_out(registration, team, actor, action, must_be_approved=has_submitted)
    delete_if_empty(team)


def put_out(
    registration: Registration, team: Team, actor: User, action: TeamEvent.Action, *, must_be_approved: bool
) -> None:
    """End the membership, whatever is left of the team; both rows are locked by the caller."""
    before = registration.status
    registration.status, registration.team = Registration.Status.LEFT, None
    registration.must_be_approved = registration.must_be_approved or must_be_approved
    registration.save(update_fields=["status", "team", "must_be_approved"])
    RegistrationEvent.objects.create(
        registration=registration,
        actor=actor,
        from_status=before,
        to_status=registration.status,
        reason=str(action.label),
    )
    TeamEvent.objects.create(team=team, actor=actor, member=registration.user, action=action)
    settle_leader(team)


def delete_if_empty(team: Team) -> bool:
    """Delete a team without members, submissions and history of a merger, so that its name is free; whether it was."""
    in_use = (
        team.registrations.exists()
        or team.submissions.exists()
        or team.merged_teams.exists()
        or team.merged_into_id is not None
    )
    if not in_use:
        team.delete()
    return not in_use
