"""Every write to accounts: one function, one transaction."""

import datetime
from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from challenge.accounts.models import ApiToken, User


def create_token(
    *, user: User, name: str, scopes: Iterable[str], lifetime: datetime.timedelta | None = None
) -> tuple[ApiToken, str]:
    """A new token of `user` and its text, which cannot be read again later. Raises ValueError on an unknown scope."""
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in ApiToken.Scope.values]
    if unknown or not wanted:
        raise ValueError(f"Choose at least one scope of: {', '.join(ApiToken.Scope.values)}.")
    text = ApiToken.new_text()
    token = ApiToken.objects.create(
        user=user,
        name=name,
        digest=ApiToken.digest_of(text),
        scopes=wanted,
        expires_at=timezone.now() + lifetime if lifetime else None,
    )
    return token, text


def authenticate_token(text: str) -> ApiToken | None:
    """The live token with this text, of an active user, or None. Notes its use at most once a minute."""
    now = timezone.now()
    token = (
        ApiToken.objects.select_related("user")
        .filter(Q(expires_at=None) | Q(expires_at__gt=now), digest=ApiToken.digest_of(text), user__is_active=True)
        .first()
    )
    if token and (token.last_used_at is None or now - token.last_used_at > datetime.timedelta(minutes=1)):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def revoke_token(*, user: User, token_id: UUID | str) -> bool:
    """Delete `user`'s own token; False when there is none with this id."""
    return ApiToken.objects.filter(user=user, pk=token_id).delete()[0] > 0
