"""Which site, with which token: options, then the environment, then what `aiqa login` has stored.

Tokens are in `~/.config/aiqa/credentials.json` (under XDG_CONFIG_HOME where that is set), by site, readable by their
owner only. AIQA_URL and AIQA_TOKEN come before the file, so that a job on a cluster needs none.
"""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiqa.errors import WrongUsage


def credentials_path(environment: Mapping[str, str]) -> Path:
    """Where the tokens are."""
    base = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME", "~")).expanduser() / ".config"
    return Path(base) / "aiqa" / "credentials.json"


def site_of(text: str) -> str:
    """An address as it is used and stored: `https://host[:port][/prefix]`. Raises WrongUsage.

    Without a scheme it is https, on this machine http.
    """
    try:
        if "//" not in text:
            text = f"{'http' if is_local(urlsplit(f'//{text}').hostname or '') else 'https'}://{text}"
        parts = urlsplit(text)
        port = f":{parts.port}" if parts.port else ""
        is_known = parts.scheme in ("http", "https") and (parts.hostname or "").encode("idna")
    except ValueError:  # also of what is no host name
        is_known = False
    if not is_known or parts.username:
        raise WrongUsage("wrong_url", f"{text!r} is no address of a site.", "Give one such as https://iqa.example.org")
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def is_local(host: str) -> bool:
    """Whether what is sent to `host` stays on this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def chosen_site(option: str | None, environment: Mapping[str, str]) -> str:
    """The site that is meant. Raises WrongUsage when nothing says which."""
    text = option or environment.get("AIQA_URL") or _load(credentials_path(environment)).get("site")
    if not text:
        raise WrongUsage("no_site", "Which site?", "Sign in with: aiqa login --url SITE, or give --url or AIQA_URL.")
    return site_of(str(text))


def token_for(site: str, environment: Mapping[str, str]) -> str:
    """The token for the site; "" where there is none."""
    stored = _load(credentials_path(environment)).get("tokens", {})
    return environment.get("AIQA_TOKEN", "").strip() or str(stored.get(site, ""))


def remember(site: str, token: str, environment: Mapping[str, str]) -> Path:
    """Store the token, and that this site is meant from now on where none is named. Returns the file."""
    path = credentials_path(environment)
    known = _load(path)
    _save(path, {"site": site, "tokens": {**known.get("tokens", {}), site: token}})
    return path


def forget(site: str, environment: Mapping[str, str]) -> bool:
    """Remove the token of the site from the file; whether there was one."""
    path = credentials_path(environment)
    known = _load(path)
    tokens = known.get("tokens", {})
    found = tokens.pop(site, None) is not None
    if found:
        _save(
            path, {"site": next(iter(tokens), None) if known.get("site") == site else known["site"], "tokens": tokens}
        )
    return found


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WrongUsage(
            "credentials_unreadable", f"{path} cannot be read: {error}", "Remove it and sign in again."
        ) from error
    return content if isinstance(content, dict) else {}


def _save(path: Path, content: dict[str, Any]) -> None:
    """Written whole or not at all, and at no moment readable by anybody else."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(content, out, indent=1)
    temporary.replace(path)
