"""Second factors in a real browser under the real policy: a key that Chromium plays, an app that we play."""

import os
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.urls import reverse

from tests.browser.conftest import OpenViewer, Viewer
from tests.browser.test_pages import WIDTH_OF_CONTENT, violations
from tests.factories import PASSWORD, World

AUTHENTICATOR = {
    **{"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True},
    **{"isUserVerified": True, "automaticPresenceSimulation": True},
}


@pytest.fixture(autouse=True)
def _without_tls(settings: Any) -> None:
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True  # as in the embedded mode


def sign_in(opened: Viewer) -> None:
    opened.open(reverse("account_login"))
    opened.page.fill("[name=login]", "alice")
    opened.page.fill("[name=password]", PASSWORD)
    opened.page.click(f"form[action='{reverse('account_login')}'] button >> nth=0")
    opened.page.wait_for_url(lambda url: reverse("account_login") not in url)


def open_protected(opened: Viewer, path: str) -> None:
    """A page about second factors: it asks for the password once more."""
    opened.open(path)
    check(opened.page, "reauthenticate")
    opened.page.fill("[name=password]", PASSWORD)
    opened.page.click("main button[type=submit]")
    opened.page.wait_for_url(opened.base + path)


def check(page: Any, name: str) -> None:
    """Clean by axe, no overflow; a picture where SCREENS names a folder."""
    page.wait_for_load_state()
    assert violations(page) == [], name
    assert page.evaluate(WIDTH_OF_CONTENT) <= page.viewport_size["width"], name
    if screens := os.environ.get("SCREENS"):
        page.screenshot(path=Path(screens) / f"{name}-{page.viewport_size['width']}.png", full_page=True)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_passkey_signs_in_without_a_password(viewer: OpenViewer, site: World, width: int) -> None:
    opened = viewer(width=width)
    page = opened.page
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    sign_in(opened)
    open_protected(opened, reverse("mfa_add_webauthn"))
    check(page, "passkey-add")
    page.check("[name=passwordless]")
    page.click("#mfa_webauthn_add")
    page.wait_for_url("**/recovery-codes/**")
    check(page, "recovery-codes")
    opened.open(reverse("mfa_list_webauthn"))
    assert page.locator("text=passkey").count()
    check(page, "passkeys")
    page.click("text=Sign out")
    opened.open(reverse("account_login"))
    check(page, "login-with-passkey")
    page.click("#passkey_login")
    page.wait_for_url(opened.base + "/")
    assert page.locator("nav >> text=alice").count()


@pytest.mark.parametrize("width", [1280, 390])
def test_an_app_is_set_up_and_asked_for(viewer: OpenViewer, site: World, width: int) -> None:
    opened = viewer(width=width)
    page = opened.page
    sign_in(opened)
    open_protected(opened, reverse("mfa_activate_totp"))
    check(page, "totp-activate")
    secret = page.input_value("#authenticator_secret")
    page.fill("[name=code]", format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time()))))
    page.click("main button[type=submit]")
    page.wait_for_url("**/recovery-codes/**")
    code = page.input_value("#recovery_codes").split()[0]
    opened.open(reverse("mfa_index"))
    check(page, "mfa-index-on")
    opened.open(reverse("mfa_deactivate_totp"))
    check(page, "totp-deactivate")
    page.click("text=Sign out")
    sign_in(opened)
    check(page, "second-factor")
    page.fill("[name=code]", code)
    page.click("main button[type=submit] >> nth=0")
    page.wait_for_url(opened.base + "/")
    assert page.locator("nav >> text=alice").count()


def test_a_key_that_is_not_used_says_so(viewer: OpenViewer, site: World) -> None:
    opened = viewer()
    page = opened.page
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {**AUTHENTICATOR, "isUserVerified": False}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    opened.open(reverse("account_login"))
    page.click("#passkey_login")
    page.wait_for_selector("#key-problem:visible")
    assert "not used" in page.inner_text("#key-problem")
