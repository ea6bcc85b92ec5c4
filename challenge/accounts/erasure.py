"""Erasing an account (GDPR, article 17): who somebody was goes, what teams have on boards stays.

The row of the account stays under a name that says nothing, because submissions and events point at it. A team whose
only member goes keeps its row on the boards if a file of it was scored, and is deleted with its files if none was.
"""

import functools
import secrets

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import forget, record
from challenge.contests.models import Challenge, Registration, Team
from challenge.contests.records import RegistrationEvent, TeamEvent
from challenge.contests.services import boards_changed
from challenge.reports.services import authors_of, forget_sheets
from challenge.study.records import Preparation
from challenge.submissions.models import Submission
from challenge.submissions.states import Status
from challenge.teams.services import delete_if_empty, locked, put_out


class ErasureRefused(Exception):
    """The account cannot go yet; `str(error)` says why and what to do."""


@transaction.atomic
def erase_account(user: User) -> None:
    """Take everything that tells who `user` was out of the database, and close the account. It cannot be undone.

    Raises ErasureRefused for the last organiser of a challenge and for the last superuser.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    _require_successors(user)
    for registration in user.registrations.select_related("team", "user", "challenge").order_by("challenge"):
        _leave(registration)
    RegistrationEvent.objects.filter(registration__user=user).update(reason="")
    user.organised_challenges.clear()
    user.groups.clear()
    user.user_permissions.clear()
    user.api_tokens.all().delete()
    user.messages.all().delete()
    Preparation.objects.filter(subject__user=user).delete()  # what it says of somebody's eyes goes with the account
    for rows in (
        user.notifications,
        user.notices,
        user.digests,
        user.wishes,
        user.questions.filter(is_published=False),
    ):
        rows.all().delete()
    user.questions.update(asker=None, team=None, shows_team=False)
    user.study_subjects.update(user=None, answers=[])
    authors_of(user).delete()
    for model in (EmailAddress, Authenticator, SocialAccount):
        model.objects.filter(user=user).delete()
    about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk))
    about.update(object_repr="erased user", change_message="")
    forget(user)
    _anonymise(user)
    record(user, Act.ACCOUNT_ERASED, user, person=user)


def _require_successors(user: User) -> None:
    organised = Challenge.objects.select_for_update().filter(
        pk__in=Challenge.organisers.through.objects.filter(user=user).values("challenge")
    )
    alone = [c.title for c in organised if not c.organisers.exclude(pk=user.pk).filter(is_active=True).exists()]
    if alone:
        raise ErasureRefused(f"You are the last organiser of: {', '.join(alone)}. Add another organiser there first.")
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if user.is_superuser and not others.exists():
        raise ErasureRefused("You are the last administrator of this site. Make another one first.")


def _leave(registration: Registration) -> None:
    """End the membership, whatever state it is in, and what was said when joining."""
    registration.answers = []
    registration.save(update_fields=["answers"])
    if registration.team is None:
        return
    challenge, (team,) = locked(registration.team)
    put_out(registration, team, registration.user, TeamEvent.Action.LEFT, must_be_approved=True)
    if not team.registrations.exists():
        team.notes.all().delete()  # they may say who it was
        forget_sheets(team)
    if not team.registrations.exists() and not team.submissions.filter(status=Status.SCORED).exists():
        _delete_files(team)
        delete_if_empty(team)
        boards_changed(challenge)


def _delete_files(team: Team) -> None:
    for submission in Submission.objects.filter(team=team):
        forget = functools.partial(submission.file.storage.delete, str(submission.file.name))
        submission.delete()
        transaction.on_commit(forget, robust=True)


def _anonymise(user: User) -> None:
    user.username = f"erased-{secrets.token_hex(5)}"
    user.email = user.first_name = user.last_name = ""
    user.is_active = user.is_staff = user.is_superuser = False
    user.erased_at, user.last_login = timezone.now(), None
    user.set_unusable_password()
    user.save()
