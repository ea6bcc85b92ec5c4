"""Taking one's data along, and going: nothing of others in the archive, nothing of the person left behind."""

import io
import json
import zipfile

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import serializers
from django.core.files.storage import default_storage

from challenge.accounts.erasure import ErasureRefused, erase_account
from challenge.accounts.export import export_account
from challenge.accounts.models import User
from challenge.accounts.services import create_token
from challenge.contests.models import Registration, Team
from challenge.contests.records import RegistrationQuestion
from challenge.contests.registrations import decide
from challenge.contests.services import join_challenge
from challenge.leaderboards.board import board
from challenge.mail.services import send_later
from challenge.submissions.models import Submission
from tests.factories import PASSWORD, hidden_mos, make_user


def exported(user) -> tuple[dict, zipfile.ZipFile]:
    packed = zipfile.ZipFile(io.BytesIO(export_account(user).read()))
    return json.loads(packed.read("account.json")), packed


def test_the_archive_has_what_is_held_and_the_files_as_they_were_sent(world):
    submission = world.scored(world.bob, seed=3)
    create_token(user=world.bob, name="laptop", scopes=["read"])
    send_later(world.bob, "Hello", "Text")
    held, packed = exported(world.bob)
    assert held["account"]["email"] == "bob@example.org"
    assert held["email_addresses"] == [{"email": "bob@example.org", "verified": True, "primary": True}]
    assert held["api_tokens"][0]["name"] == "laptop"
    assert held["registrations"][0]["team"] == "Aces"
    assert held["messages"][0]["subject"] == "Hello"
    assert [event["action"] for event in held["team_events"]] == ["joined"]
    (mine,) = held["submissions"]
    assert mine["result"]["main"] == pytest.approx(submission.evaluations.get().result["main"])
    with submission.file.open() as stored:
        assert packed.read(f"submissions/{submission.pk}/prediction.csv") == stored.read()


def test_the_archive_has_no_secret_no_hidden_value_and_nothing_of_others(world):
    world.scored(world.bob, world.final, seed=3)
    world.scored(world.alice, seed=4)
    _, text = create_token(user=world.bob, name="laptop", scopes=["read"])
    Authenticator.objects.create(user=world.bob, type="totp", data={"secret": "TOPSECRET"})
    held, packed = exported(world.bob)
    content = json.dumps(held)
    world.bob.refresh_from_db()
    hidden = [text, "TOPSECRET", world.bob.password, "alice@example.org", *map(str, hidden_mos().values())]
    assert [value for value in hidden if value in content] == []
    assert held["submissions"][0]["result"] is None  # the phase is blind
    assert len(packed.namelist()) == 2


def test_the_page_sends_the_archive_to_its_owner_only(world, client):
    assert client.post("/account/data/export/").status_code == 302
    client.force_login(world.bob)
    answer = client.post("/account/data/export/")
    packed = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert json.loads(packed.read("account.json"))["account"]["username"] == "bob"
    assert answer["Cache-Control"] == "no-store"


def everything_stored() -> str:
    """All rows of all models as text."""
    from django.apps import apps

    rows = [row for model in apps.get_models() for row in model._base_manager.all()]
    return str(serializers.serialize("json", rows))


def test_nothing_tells_who_it_was_and_the_team_keeps_its_row(world, client):
    person = make_user("zebedee", first_name="Zebedee", last_name="Quux")
    question = RegistrationQuestion.objects.create(challenge=world.challenge, text="Institution")
    join_challenge(
        user=person,
        challenge=world.challenge,
        team_name="Lone",
        accepts_terms=True,
        answers={f"question_{question.pk}": "Quux Labs"},
    )
    world.scored(person)
    create_token(user=person, name="zebedee's laptop", scopes=["read"])
    send_later(person, "Hello zebedee", "Text")
    decide(person.registrations.get(), accept=False, actor=world.organiser, reason="zebedee has two accounts")
    before = [row.label for row in board(world.development)]
    assert client.login(username="zebedee", password=PASSWORD)
    erase_account(person)
    person.refresh_from_db()
    assert not person.is_active
    assert "zebedee" not in everything_stored().lower()
    assert "quux" not in everything_stored().lower()
    assert [row.label for row in board(world.development)] == before == ["Lone"]
    assert Submission.objects.get().submitted_by.username.startswith("erased-")
    assert client.get("/account/").status_code == 302
    assert not client.login(username=person.username, password=PASSWORD)


def test_a_team_of_one_goes_with_its_files_if_none_was_scored(world):
    submission = world.submit(world.mallory)
    name = submission.file.name
    erase_account(world.mallory)
    assert not Team.objects.filter(name="Rivals").exists()
    assert not Submission.objects.exists()
    assert default_storage.exists(name)  # until the commit


def test_the_files_of_a_deleted_team_go_with_the_commit(world, django_capture_on_commit_callbacks):
    name = world.submit(world.mallory).file.name
    with django_capture_on_commit_callbacks(execute=True):
        erase_account(world.mallory)
    assert not default_storage.exists(name)


def test_mates_go_on_with_the_team_and_its_files(world):
    submission = world.submit(world.alice)
    erase_account(world.alice)
    submission.refresh_from_db()
    world.team.refresh_from_db()
    assert (submission.team, world.team.leader) == (world.team, world.bob)
    assert [member.user for member in world.team.members] == [world.bob]


def test_the_last_organiser_and_the_last_superuser_stay(world):
    for user in (world.organiser, world.admin):
        with pytest.raises(ErasureRefused, match="last"):
            erase_account(user)
        user.refresh_from_db()
        assert user.is_active
    world.challenge.organisers.add(world.outsider)
    erase_account(world.organiser)
    assert list(world.challenge.organisers.all()) == [world.outsider]


@pytest.mark.parametrize(("name", "password"), [("bob", "wrong"), ("alice", PASSWORD), ("", "")])
def test_the_page_asks_for_name_and_password(world, client, name, password):
    client.force_login(world.bob)
    assert client.post("/account/erase/", {"username": name, "password": password}).status_code == 422
    assert User.objects.filter(username="bob", is_active=True).exists()


def test_the_page_erases_and_signs_out(world, client):
    client.force_login(world.bob)
    done = client.post("/account/erase/", {"username": "bob", "password": PASSWORD}, follow=True)
    assert "Your account is erased" in done.content.decode()
    assert "_auth_user_id" not in client.session
    assert not EmailAddress.objects.filter(email="bob@example.org").exists()
    assert Registration.objects.get(user=world.bob).status == "left"


def test_an_account_without_a_password_signs_in_afresh_first(world, client):
    world.bob.set_unusable_password()
    world.bob.save()
    Authenticator.objects.create(user=world.bob, type="totp", data={"secret": "x"})
    client.force_login(world.bob)
    answer = client.get("/account/erase/")
    assert (answer.status_code, answer.url.partition("?")[0]) == (302, "/accounts/2fa/reauthenticate/")
