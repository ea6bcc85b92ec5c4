"""People and their API tokens.

A user name is public (it appears beside submissions); an e-mail address is shown to its owner, to superusers, and to
the organisers of the challenges its owner registers for.
"""

import hashlib
import secrets
import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

TOKEN_PREFIX = "iqa_"  # noqa: S105  not a secret: it lets scanners recognise a leaked token


class AccountManager(UserManager["User"]):
    """Makes accounts."""

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **fields: Any
    ) -> "User":
        """As Django's, and the address counts as verified: whoever may run the command needs no confirmation mail."""
        from allauth.account.models import EmailAddress

        user = super().create_superuser(username, email, password, **fields)
        if user.email:
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user


class User(AbstractUser):
    """An account. Roles are rows elsewhere: organiser of a challenge, member of a team; staff may enter the admin.

    A subject rates images in studies. Whoever has seen ratings being made takes part in no contest: a subject has no
    rights there (`contests.access`). An erased account keeps its row, for the submissions of its teams, and nothing
    that tells whose it was.

    An e-mail address is unique once it is verified (allauth's EmailAddress rows); unverified ones prove nothing, so
    they must not keep the owner of an address from using it.
    """

    email = models.EmailField("e-mail address")
    is_demo = models.BooleanField(default=False, help_text="Made by the demo seed; marked as such wherever it shows.")
    is_subject = models.BooleanField(
        "subject", default=False, help_text="Rates images in studies; takes part in no challenge and organises none."
    )
    erased_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[AccountManager] = AccountManager()

    class Meta(AbstractUser.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("username"), name="user_name_unique_ignoring_case"),
        ]


class ApiToken(models.Model):
    """A personal access token. Only its SHA-256 is stored; the text is shown once, when it is made.

    The token is 32 random bytes, so a fast hash is enough: there is nothing to guess.
    """

    class Scope(models.TextChoices):
        READ = "read", "Read challenges, own submissions and boards"
        SUBMIT = "submit", "Submit prediction files, withdraw and choose submissions"
        ORGANISE = "organise", "Organise: registrations, deadlines, exports of the challenges you run"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def new_text() -> str:
        """A fresh token text."""
        return TOKEN_PREFIX + secrets.token_urlsafe(32)

    @staticmethod
    def digest_of(text: str) -> str:
        """What is stored for the token `text`."""
        return hashlib.sha256(text.encode()).hexdigest()
