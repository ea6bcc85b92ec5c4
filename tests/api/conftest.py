"""Tokens for tests of the API."""

import pytest

from challenge.accounts.models import ApiToken
from challenge.accounts.services import create_token


@pytest.fixture
def bearer(world):
    """bearer(user, scopes) -> headers with a new token, of all scopes unless some are named."""

    def headers(user, scopes=tuple(ApiToken.Scope.values)) -> dict[str, str]:
        return {"authorization": f"Bearer {create_token(user=user, name='t', scopes=scopes)[1]}"}

    return headers
