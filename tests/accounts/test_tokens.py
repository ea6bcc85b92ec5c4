"""API tokens: shown once, stored as a digest, scoped, expiring, revocable by their owner only."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from challenge.accounts.models import ApiToken
from challenge.accounts.services import authenticate_token, create_token, revoke_token


def test_only_the_digest_is_stored(world):
    token, text = create_token(user=world.alice, name="laptop", scopes=["read"])
    assert text.startswith("iqa_")
    stored = ApiToken.objects.values().get(pk=token.pk)
    assert text not in str(stored)
    assert authenticate_token(text) == token


def test_an_expired_revoked_or_unknown_token_is_nobody(world):
    token, text = create_token(user=world.alice, name="x", scopes=["read"], lifetime=datetime.timedelta(days=1))
    ApiToken.objects.update(expires_at=timezone.now())
    assert authenticate_token(text) is None
    ApiToken.objects.update(expires_at=None)
    assert authenticate_token(text)
    assert not revoke_token(user=world.mallory, token_id=token.pk)
    assert revoke_token(user=world.alice, token_id=token.pk)
    assert authenticate_token(text) is None
    assert authenticate_token("iqa_guess") is None


def test_a_disabled_account_has_no_tokens(world):
    _, text = create_token(user=world.alice, name="x", scopes=["read"])
    world.alice.is_active = False
    world.alice.save()
    assert authenticate_token(text) is None


@pytest.mark.parametrize("scopes", [[], ["everything"]])
def test_scopes_are_checked(world, scopes):
    with pytest.raises(ValueError, match="at least one scope"):
        create_token(user=world.alice, name="x", scopes=scopes)


def test_the_page_shows_the_text_once(world, client):
    client.force_login(world.alice)
    answer = client.post(reverse("tokens"), {"name": "ci", "scopes": ["submit"], "days": "30"})
    page = answer.content.decode()
    assert "iqa_" in page
    assert answer["Cache-Control"] == "no-store"
    text = page[page.index("iqa_") :].split("<")[0].split('"')[0].strip()
    assert authenticate_token(text).scopes == ["submit"]
    assert text not in client.get(reverse("tokens")).content.decode()
