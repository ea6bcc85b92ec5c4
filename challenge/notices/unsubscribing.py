"""Links that end one kind of mail for one person, whoever follows them (RFC 8058): signed, good for half a year.

The link is the proof: no login is asked for, and who happens to be signed in does not matter. It can do nothing but
switch mail off, which its owner can switch on again.
"""

import dataclasses
import datetime

from django.core import signing
from django.urls import reverse

from challenge.accounts.models import User
from challenge.notices.kinds import Kind
from challenge.notices.services import stop_mail

SALT = "notices.unsubscribe"
GOOD_FOR = datetime.timedelta(days=180)
DIGEST = "digest"


class InvalidLink(Exception):
    """The link was not made here, is too old, or its owner is gone."""


@dataclasses.dataclass(frozen=True)
class Subscription:
    """What a link ends: mail about `kind` to `user`; the daily digest, for None."""

    user: User
    kind: Kind | None

    def end(self) -> None:
        """Switch it off."""
        stop_mail(self.user, self.kind)


def address(user: User, kind: Kind | None) -> str:
    """The path of the link that ends mail about `kind`, or the digest, for `user`."""
    return reverse("unsubscribe", args=[signing.dumps([user.pk, kind or DIGEST], salt=SALT)])


def subscription(token: str) -> Subscription:
    """What the link with this token ends. Raises InvalidLink."""
    try:
        user_id, kind = signing.loads(token, salt=SALT, max_age=GOOD_FOR)
    except signing.BadSignature:
        raise InvalidLink from None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise InvalidLink
    return Subscription(user, None if kind == DIGEST else Kind(kind))
