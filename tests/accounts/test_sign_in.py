"""Second factors, passkeys and accounts elsewhere, as they are set up here (what they do is allauth's to test)."""

import os
import subprocess
import sys
from pathlib import Path

import environ
import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core.exceptions import ImproperlyConfigured

from challenge.settings.login import login_providers
from tests.factories import PASSWORD

ROOT = Path(__file__).resolve().parents[2]
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code() -> str:
    return str(format_hotp_value(hotp_value(SECRET, next(yield_hotp_counters_from_time()))))


def test_with_a_second_factor_the_password_alone_opens_nothing(world, client):
    TOTP.activate(world.bob, SECRET)
    answer = client.post("/accounts/login/", {"login": "bob", "password": PASSWORD})
    assert answer.url == "/accounts/2fa/authenticate/"
    assert client.get("/account/").status_code == 302
    assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert client.get("/account/").status_code == 302
    client.post("/accounts/2fa/authenticate/", {"code": code()})
    assert client.get("/account/").status_code == 200


def test_the_administration_asks_for_the_second_factor_too(world, client):
    TOTP.activate(world.admin, SECRET)
    client.post("/accounts/login/?next=/admin/", {"login": "admin", "password": PASSWORD})
    assert client.get("/admin/").status_code == 302


def test_too_many_wrong_passwords_for_one_account_stop_the_trying(world, client):
    for _ in range(5):
        client.post("/accounts/login/", {"login": "bob", "password": "wrong"})
    answer = client.post("/accounts/login/", {"login": "bob", "password": PASSWORD})
    assert "Too many failed login attempts" in answer.content.decode()
    assert client.get("/account/").status_code == 302


def test_signing_up_without_end_is_answered_with_429(db, client):
    statuses = [client.post("/accounts/signup/", {}).status_code for _ in range(21)]
    assert (statuses[0], statuses[-1]) == (200, 429)


def test_there_is_no_provider_unless_the_environment_names_one():
    env = environ.Env()
    env.ENVIRON = {}
    assert login_providers(env) == ([], {})


def test_a_provider_is_its_id_and_its_secret():
    env = environ.Env()
    env.ENVIRON = {"GITHUB_CLIENT_ID": "a", "GITHUB_CLIENT_SECRET": "b", "OIDC_CLIENT_ID": "c"} | {
        "OIDC_CLIENT_SECRET": "d",
        "OIDC_SERVER_URL": "https://login.uni.example",
        "OIDC_NAME": "Uni",
    }
    apps, providers = login_providers(env)
    assert [app.rpartition(".")[2] for app in apps] == ["github", "openid_connect"]
    assert providers["openid_connect"]["APPS"][0]["name"] == "Uni"


@pytest.mark.parametrize("half", ["GITHUB_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "OIDC_SERVER_URL"])
def test_half_of_a_provider_stops_the_start(half):
    env = environ.Env()
    env.ENVIRON = {half: "x"}
    with pytest.raises(ImproperlyConfigured, match="missing"):
        login_providers(env)


CONFIGURED = """
import django
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
client = Client()
page = client.get("/accounts/login/").content.decode()
assert all(name in page for name in ("GitHub", "Orcid", "Uni")), page
started = client.post("/accounts/github/login/")
assert started.status_code == 200, started.status_code  # a page: the policy of our forms allows no redirect elsewhere
assert "https://github.com/login/oauth/authorize" in started.content.decode()
assert client.get("/accounts/github/login/").status_code == 200  # nobody is sent away by a link
"""


def test_the_login_page_offers_what_is_configured_and_leads_there():
    variables = {f"{name}_CLIENT_{part}": "x" for name in ("GITHUB", "ORCID", "OIDC") for part in ("ID", "SECRET")}
    variables |= {"OIDC_SERVER_URL": "https://login.uni.example", "OIDC_NAME": "Uni"}
    environment = {**os.environ, **variables, "DJANGO_SETTINGS_MODULE": "challenge.settings.test"}
    environment.pop("DATABASE_URL", None)
    done = subprocess.run(
        [sys.executable, "-c", CONFIGURED], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
