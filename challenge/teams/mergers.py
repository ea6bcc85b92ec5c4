"""Two teams become one: one leader asks, the other agrees, an organiser confirms.

What both have used of a quota is used: a merger never brings a fresh slot, and a team above its quota simply has none
left. All submissions of both belong to the merged team from then on, in every phase.
"""

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.contests.models import Challenge, Phase, Team, team_name
from challenge.contests.records import RegistrationEvent, TeamEvent
from challenge.contests.services import boards_changed, settle_leader
from challenge.notices.kinds import Kind
from challenge.notices.services import tell
from challenge.reports.services import follow_merger
from challenge.submissions.models import Submission, SubmissionEvent
from challenge.teams.models import Merger
from challenge.teams.services import Action, ChangeRefused, locked, may_lead

State = Merger.State


@transaction.atomic
def ask(asking: Team, name: str, *, actor: User) -> Merger:
    """`asking`'s leader asks the team called `name` of the same challenge to join it. Raises ChangeRefused."""
    asked = Team.objects.filter(challenge=asking.challenge_id, name__iexact=team_name(name), merged_into=None).first()
    if asked is None or asked.pk == asking.pk:
        raise ChangeRefused("There is no other team with this name. Write it as the leaderboard shows it.")
    challenge, (asking, asked) = locked(asking, asked)
    _require(may_lead(actor, asking), "Only the team's leader can do that.")
    _require_possible(challenge, asking, asked)
    try:
        with transaction.atomic():
            merger = Merger.objects.create(asking=asking, asked=asked)
    except IntegrityError:
        raise ChangeRefused("You have asked this team already.") from None
    _record(merger, actor, Action.MERGE_ASKED)
    if asked.leader:
        text = f"The team «{asking.name}» would like your team «{asked.name}» to join it. See your team's page."
        _tell(merger, challenge, asked.leader, "A merger of teams?", text)
    return merger


@transaction.atomic
def agree(merger: Merger, *, actor: User) -> None:
    """The leader of the asked team agrees; the organisers decide then. Raises ChangeRefused."""
    merger, challenge = _locked_merger(merger)
    _require(merger.asked.leader_id == actor.pk, "Only the leader of the team that was asked can agree.")
    _require(merger.state == State.ASKED, "This plan is not waiting for an answer.")
    _require_possible(challenge, merger.asking, merger.asked)
    merger.state = State.AGREED
    merger.save(update_fields=["state"])
    _record(merger, actor, Action.MERGE_AGREED)


@transaction.atomic
def call_off(merger: Merger, *, actor: User, reason: str = "") -> None:
    """Either leader, or an organiser, ends the plan before it is confirmed. Raises ChangeRefused."""
    merger, challenge = _locked_merger(merger)
    _require(may_lead(actor, merger.asking) or may_lead(actor, merger.asked), "Only a leader or an organiser can.")
    _require(merger.state in Merger.OPEN, "This plan has ended already.")
    _end(merger, State.ENDED, actor, reason)
    _record(merger, actor, Action.MERGE_ENDED)
    if actor.pk not in (merger.asking.leader_id, merger.asked.leader_id):
        record(actor, Act.MERGER_ENDED, merger, challenge=challenge, reason=reason)


@transaction.atomic
def confirm(merger: Merger, *, actor: User) -> Team:
    """An organiser confirms (the caller has checked that role): the teams become one, which is returned.

    Both leaders agreed before the teams were fixed; the organisers may decide after that. Raises ChangeRefused.
    """
    merger, challenge = _locked_merger(merger)
    _require(merger.state == State.AGREED, "Both teams must have agreed first.")
    team, gone = merger.asking, merger.asked
    _require_fits(challenge, team, gone)
    _move_submissions(gone, team, actor)
    follow_merger(gone, team)
    _move_members(gone, team, actor)
    gone.merged_into, gone.leader = team, None
    gone.save(update_fields=["merged_into", "leader"])
    gone.merged_teams.update(merged_into=team)
    settle_leader(team)
    _end(merger, State.DONE, actor)
    _record(merger, actor, Action.MERGED)
    record(actor, Act.TEAMS_MERGED, merger, challenge=challenge, after={"team": team.name, "merged": gone.name})
    for other in Merger.objects.filter(Q(asking=gone) | Q(asked=gone), state__in=Merger.OPEN):
        _end(other, State.ENDED, actor, f"{gone.name} was merged into {team.name}.")
    boards_changed(challenge)
    for member in team.members.select_related("user"):
        text = f"The organisers have confirmed: «{gone.name}» is now part of «{team.name}». You share quota and files."
        _tell(merger, challenge, member.user, "The teams are one", text)
    return team


def _tell(merger: Merger, challenge: Challenge, user: User, title: str, text: str) -> None:
    key = f"merger {merger.pk} {merger.state} {user.pk}"
    path = reverse("team", args=[challenge.slug])
    tell(Kind.MEMBERSHIP, key, challenge=challenge, user=user, title=title, text=text, path=path)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ChangeRefused(message)


def _require_possible(challenge: Challenge, asking: Team, asked: Team) -> None:
    _require(not challenge.teams_are_fixed, "The teams of this challenge do not change any more.")
    _require_fits(challenge, asking, asked)


def _require_fits(challenge: Challenge, asking: Team, asked: Team) -> None:
    _require(asking.merged_into_id is None and asked.merged_into_id is None, "One of the teams was merged already.")
    together = asking.members.count() + asked.members.count()
    limit = challenge.max_team_size
    _require(together <= limit, f"Together you would be {together}; a team has {limit} members at most.")


def _locked_merger(merger: Merger) -> tuple[Merger, Challenge]:
    """The merger as it is now with both teams, all under the locks of the challenge and the teams."""
    challenge, (asking, asked) = locked(merger.asking, merger.asked)
    merger = Merger.objects.get(pk=merger.pk)
    merger.asking, merger.asked = asking, asked
    return merger, challenge


def _end(merger: Merger, state: Merger.State, actor: User, reason: str = "") -> None:
    merger.state, merger.decided_at, merger.decided_by = state, timezone.now(), actor
    merger.reason = reason[:300]
    merger.save(update_fields=["state", "decided_at", "decided_by", "reason"])


def _record(merger: Merger, actor: User, action: TeamEvent.Action) -> None:
    for team, other in ((merger.asking, merger.asked), (merger.asked, merger.asking)):
        TeamEvent.objects.create(team=team, actor=actor, action=action, detail=other.name)


def _move_members(gone: Team, team: Team, actor: User) -> None:
    """All registrations go along, rejected ones too: they stay with the team whose list they are in."""
    for registration in gone.registrations.select_related("user"):
        registration.team = team
        registration.save(update_fields=["team"])
        RegistrationEvent.objects.create(
            registration=registration,
            actor=actor,
            from_status=registration.status,
            to_status=registration.status,
            reason=f"{gone.name} was merged into {team.name}",
        )


def _move_submissions(gone: Team, team: Team, actor: User) -> None:
    """Give the submissions of `gone` to `team`, with quota numbers that `team` does not use yet."""
    for phase in Phase.objects.filter(challenge=team.challenge_id):
        ours = Submission.objects.filter(team=team, phase=phase)
        in_phase = _numbers(ours.values_list("phase_slot", flat=True))
        keys = set(ours.exclude(idempotency_key=None).values_list("idempotency_key", flat=True))
        has_choice = ours.filter(is_chosen=True).exists()
        in_day: dict[Any, set[int]] = {}
        # Locked, so that nothing is withdrawn, failed or scored between reading a row and writing its numbers.
        for row in Submission.objects.select_for_update().filter(team=gone, phase=phase).order_by("received_at", "pk"):
            if row.phase_slot is not None:
                taken = in_day.setdefault(
                    row.quota_day, _numbers(ours.filter(quota_day=row.quota_day).values_list("day_slot", flat=True))
                )
                row.day_slot, row.phase_slot = _take_next(taken), _take_next(in_phase)
            if row.idempotency_key in keys:
                row.idempotency_key = None  # a retry under this key belongs to the other team's file
            row.is_chosen = row.is_chosen and not has_choice
            row.team = team
            row.save(update_fields=["team", "day_slot", "phase_slot", "idempotency_key", "is_chosen"])
            SubmissionEvent.objects.create(
                submission=row,
                from_status=row.status,
                to_status=row.status,
                actor=actor,
                reason=f"team {gone.name} was merged into {team.name}",
            )


def _numbers(values: Iterable[int | None]) -> set[int]:
    return {value for value in values if value is not None}


def _take_next(taken: set[int]) -> int:
    number = max(taken, default=0) + 1
    taken.add(number)
    return number
