"""Accounts: who may have which address, and how the first administrator gets in."""

from allauth.account.models import EmailAddress
from django.core.management import call_command

from challenge.accounts.models import User
from tests.factories import PASSWORD, make_user


def test_the_first_administrator_can_sign_in_without_a_confirmation_mail(db, client, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", interactive=False, username="root", email="root@example.org", verbosity=0)
    answer = client.post("/accounts/login/", {"login": "root", "password": PASSWORD})
    assert answer.status_code == 302
    assert client.get("/admin/").status_code == 200


def test_an_unconfirmed_address_does_not_keep_its_owner_from_it(db, client):
    squatter = User.objects.create_user("squatter", "owner@example.org", PASSWORD)
    EmailAddress.objects.create(user=squatter, email="owner@example.org", verified=False, primary=True)
    owner = make_user("owner")
    EmailAddress.objects.filter(user=owner).update(email="old@example.org")
    EmailAddress.objects.create(user=owner, email="owner@example.org", verified=True)
    client.force_login(owner)
    answer = client.post("/accounts/email/", {"action_primary": "", "email": "owner@example.org"})
    assert answer.status_code == 302
    owner.refresh_from_db()
    assert owner.email == "owner@example.org"
