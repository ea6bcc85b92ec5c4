"""What organisers decide about people: registrations accepted or rejected, organisers added or removed."""

import structlog
from allauth.account.models import EmailAddress
from django.db import transaction
from django.urls import reverse

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.contests.models import Challenge, Registration, Team
from challenge.contests.records import RegistrationEvent
from challenge.contests.services import settle_leader
from challenge.notices.kinds import Kind
from challenge.notices.services import tell

log = structlog.get_logger(__name__)

Status = Registration.Status


class NotPossible(Exception):
    """What was asked for cannot be done; `str(error)` says why."""


@transaction.atomic
def decide(registration: Registration, *, accept: bool, actor: User, reason: str = "") -> bool:
    """Accept or reject a registration and tell its owner; False when it has left or is what was asked for already.

    Whoever is rejected loses every right at once but stays in the team's list for the organisers; the team's files
    stay. Accepting needs a place in the team: raises NotPossible when there is none, or when the team was merged away.
    """
    challenge = Challenge.objects.select_for_update().get(pk=registration.challenge_id)
    row = Registration.objects.select_related("user", "team").get(pk=registration.pk)
    before, after = row.status, Status.ACCEPTED if accept else Status.REJECTED
    if before in (Status.LEFT, after) or row.team is None:
        return False
    Team.objects.select_for_update().get(pk=row.team.pk)  # an upload that is being stored ends before its owner is out
    if accept and before == Status.REJECTED:
        _require_place(challenge, row.team)
    row.status = after
    row.save(update_fields=["status"])
    event = RegistrationEvent.objects.create(
        registration=row, actor=actor, from_status=before, to_status=after, reason=reason[:500]
    )
    record(
        actor,
        Act.REGISTRATION_ACCEPTED if accept else Act.REGISTRATION_REJECTED,
        row,
        challenge=challenge,
        name=row.team.name,
        person=row.user,
        reason=reason,
        before={"status": before},
        after={"status": after},
    )
    settle_leader(row.team)
    _tell_decision(event, challenge, row, reason)
    return True


def apply(registration: Registration, decision: str, *, actor: User, reason: str = "") -> bool:
    """Do what an organiser decided: `accept`, `reject` or `again` (may join again); False if nothing changed.

    Raises NotPossible.
    """
    if decision == "again":
        return let_apply_again(registration, actor=actor)
    return decide(registration, accept=decision == "accept", actor=actor, reason=reason.strip())


def _require_place(challenge: Challenge, team: Team) -> None:
    if team.merged_into_id:
        raise NotPossible(f"The team «{team.name}» was merged into another one. The user can join anew.")
    if team.members.count() >= challenge.max_team_size:
        raise NotPossible(f"The team «{team.name}» is full: {challenge.max_team_size} members at most.")


@transaction.atomic
def let_apply_again(registration: Registration, *, actor: User) -> bool:
    """Take a rejected registration out of its team, so that its owner may join anew; False unless it is rejected."""
    changed = Registration.objects.filter(pk=registration.pk, status=Status.REJECTED).update(
        status=Status.LEFT, team=None
    )
    if changed:
        RegistrationEvent.objects.create(
            registration=registration,
            actor=actor,
            from_status=Status.REJECTED,
            to_status=Status.LEFT,
            reason="may join again",
        )
        person, challenge = registration.user, registration.challenge
        record(actor, Act.REGISTRATION_REOPENED, registration, challenge=challenge, name="registration", person=person)
    return bool(changed)


def _tell_decision(event: RegistrationEvent, challenge: Challenge, registration: Registration, reason: str) -> None:
    accepted = registration.status == Status.ACCEPTED
    text = (
        "accepted your registration. You can get the data and submit now" if accepted else "rejected your registration"
    )
    lines = [f"The organisers of «{challenge.title}» have {text}."]
    if reason:
        lines += ["", f"They write: {reason}"]
    tell(
        Kind.MEMBERSHIP,
        f"decision {event.pk}",
        challenge=challenge,
        user=registration.user,
        title=f"Registration {'accepted' if accepted else 'rejected'}",
        text="\n".join(lines),
        path=reverse("challenge", args=[challenge.slug]),
    )


def find_person(name: str) -> User | None:
    """The active account with this user name or this *confirmed* e-mail address, in any case."""
    name = name.strip()
    if "@" in name:
        found = EmailAddress.objects.select_related("user").filter(email__iexact=name, verified=True).first()
        user = found.user if found else None
    else:
        user = User.objects.filter(username__iexact=name).first()
    return user if user and user.is_active else None


@transaction.atomic
def add_organiser(challenge: Challenge, name: str, *, actor: User) -> User:
    """Make the account `name` (user name or confirmed address) an organiser. Raises NotPossible."""
    Challenge.objects.select_for_update().get(pk=challenge.pk)
    user = find_person(name)
    if user is None:
        raise NotPossible("There is no account with this user name or confirmed e-mail address.")
    if user.is_subject:
        raise NotPossible(f"{user.username} rates images in studies and cannot organise a challenge.")
    if challenge.organisers.filter(pk=user.pk).exists():
        raise NotPossible(f"{user.username} organises this challenge already.")
    challenge.organisers.add(user)
    record(actor, Act.ORGANISER_ADDED, challenge, challenge=challenge, person=user)
    log.info("organiser added", challenge=challenge.slug, user=user.pk, actor=actor.pk)
    return user


@transaction.atomic
def remove_organiser(challenge: Challenge, user: User, *, actor: User) -> None:
    """Take the role from `user`. Raises NotPossible for the last organiser: a challenge is never without one."""
    Challenge.objects.select_for_update().get(pk=challenge.pk)
    if not challenge.organisers.exclude(pk=user.pk).exists():
        raise NotPossible("A challenge needs an organiser. Add somebody else first.")
    challenge.organisers.remove(user)
    record(actor, Act.ORGANISER_REMOVED, challenge, challenge=challenge, person=user)
    log.info("organiser removed", challenge=challenge.slug, user=user.pk, actor=actor.pk)
