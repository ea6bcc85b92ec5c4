"""Signing in with an account elsewhere: a provider is there when its client id and secret are in the environment."""

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


def login_providers(env: environ.Env) -> tuple[list[str], dict[str, Any]]:
    """Apps of the providers that are configured, and SOCIALACCOUNT_PROVIDERS for them.

    GITHUB_, GOOGLE_ and ORCID_CLIENT_ID and _CLIENT_SECRET; for any OpenID Connect provider also OIDC_SERVER_URL (where
    `/.well-known/openid-configuration` is) and OIDC_NAME. Raises ImproperlyConfigured when half of a pair is missing.
    """
    secrets = {
        "github": (env.str("GITHUB_CLIENT_ID", default=""), env.str("GITHUB_CLIENT_SECRET", default="")),
        "google": (env.str("GOOGLE_CLIENT_ID", default=""), env.str("GOOGLE_CLIENT_SECRET", default="")),
        "orcid": (env.str("ORCID_CLIENT_ID", default=""), env.str("ORCID_CLIENT_SECRET", default="")),
        "openid_connect": (env.str("OIDC_CLIENT_ID", default=""), env.str("OIDC_CLIENT_SECRET", default="")),
    }
    server = env.str("OIDC_SERVER_URL", default="")
    name = env.str("OIDC_NAME", default="Institution")
    apps, providers = [], {}
    for provider, (client, secret) in secrets.items():
        if bool(client) != bool(secret) or (provider == "openid_connect" and bool(client) != bool(server)):
            raise ImproperlyConfigured(
                f"Logging in with {provider}: part of its client id, secret (and URL) is missing."
            )
        if not client:
            continue
        app: dict[str, Any] = {"client_id": client, "secret": secret}
        if provider == "openid_connect":
            app |= {"provider_id": "institution", "name": name, "settings": {"server_url": server}}
        apps.append(f"allauth.socialaccount.providers.{provider}")
        providers[provider] = {"APPS": [app]}
    return apps, providers
