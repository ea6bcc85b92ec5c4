"""Joining a challenge: terms, names, invitations, one team per person."""

import pytest
from django.urls import reverse

from challenge.contests.models import Registration
from challenge.contests.services import JoinRefused, join_challenge


def test_founding_a_team_accepts_the_terms_with_version_and_time(world):
    world.challenge.terms_version = 3
    world.challenge.save()
    registration = join_challenge(
        user=world.outsider, challenge=world.challenge, team_name="  New   team ", accepts_terms=True
    )
    assert registration.team.name == "New team"
    assert registration.terms_version == 3
    assert registration.terms_accepted_at is not None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"accepts_terms": False}, "accepts_terms"),
        ({"team_name": "   "}, "team_name"),
        ({"team_name": "aCES"}, "team_name"),
        ({"team_name": "Aces\u200b"}, "team_name"),
        ({"team_name": "\u200b\u202e"}, "team_name"),
        ({"invitation": "nonsense"}, None),
    ],
)
def test_it_refuses_with_a_reason_and_leaves_nothing(world, changes, field):
    before = (Registration.objects.count(), world.challenge.teams.count())
    arguments = {"team_name": "New", "accepts_terms": True, **changes}
    with pytest.raises(JoinRefused) as caught:
        join_challenge(user=world.outsider, challenge=world.challenge, **arguments)
    assert caught.value.field == field
    assert (Registration.objects.count(), world.challenge.teams.count()) == before


def test_nobody_joins_twice(world):
    with pytest.raises(JoinRefused, match="already"):
        join_challenge(user=world.alice, challenge=world.challenge, team_name="Second", accepts_terms=True)


def test_a_full_team_takes_nobody(world):
    world.challenge.max_team_size = 2
    world.challenge.save()
    with pytest.raises(JoinRefused, match="full"):
        join_challenge(
            user=world.outsider, challenge=world.challenge, invitation=world.team.invitation, accepts_terms=True
        )


def test_the_page_keeps_what_was_typed_and_says_what_is_wrong(world, client):
    client.force_login(world.outsider)
    response = client.post(reverse("join", args=["iqa"]), {"team_name": "Aces", "accepts_terms": "on"})
    assert response.status_code == 422
    text = response.content.decode()
    assert "is taken" in text
    assert 'value="Aces"' in text


def test_an_invitation_link_leads_into_the_team(world, client):
    client.force_login(world.outsider)
    url = reverse("join-team", args=["iqa", world.team.invitation])
    assert "Aces" in client.get(url).content.decode()
    assert client.post(url, {"accepts_terms": "on"}).status_code == 302
    assert Registration.objects.get(user=world.outsider).team == world.team
