"""Is the site up, and what to tell the person who started it."""

import http.client
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from challenge.demo import services as demo

FINAL_STATES = ("scored", "failed", "withdrawn")
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  where a socket that listens everywhere is reached from here


def url_of(listener: socket.socket) -> str:
    """The address at which this machine reaches the listening socket, with a slash at its end."""
    host, port = listener.getsockname()[:2]
    host = LOOPBACK.get(host, host)
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def is_healthy(url: str) -> bool:
    """Whether /healthz answers 200 now."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def featured_is_final() -> bool:
    """Whether the demo's featured submission has been through the scoring worker."""
    featured = demo.featured_submission()
    return featured is None or featured["status"] in FINAL_STATES


def block(
    url: str,
    state_dir: Path,
    accounts: Sequence[Mapping[str, str]],
    featured: Mapping[str, Any] | None,
    *,
    own_broker: bool,
) -> str:
    """What the terminal shows once the site is up."""
    rows = [("Site", url)]
    if featured:
        rows.append(("First score", _score_line(featured)))
        rows.append(("", url.rstrip("/") + str(featured["url"])))
    rows += [(account["role"].capitalize(), f"{account['username']} / {account['password']}") for account in accounts]
    if not accounts:
        rows.append(("First account", "python manage.py createsuperuser"))
    broker = "the bundled broker" if own_broker else "the broker of BROKER_URL"
    rows += [
        ("Mail", f"{_short(state_dir / 'mail')} (written as files, not sent)"),
        ("Logs", _short(state_dir / "logs")),
        ("Mode", f"embedded: {_database()} and {broker}; docker/ is for a public challenge"),
        ("Stop", "Ctrl-C"),
    ]
    width = max(len(name) for name, _ in rows) + 2
    lines = "\n".join(f"  {name:<{width}}{value}" for name, value in rows)
    return f"\n{settings.SITE_NAME} is ready\n\n{lines}\n"


def _score_line(featured: Mapping[str, Any]) -> str:
    if featured["status"] != "scored":
        return f"{featured['team']} in {featured['challenge']}: {featured['status']} (see logs/worker.log)"
    main = featured["main"]
    return f"{featured['team']} in {featured['challenge']}: {'no value' if main is None else f'{main:.4f}'}"


def _database() -> str:
    return "SQLite" if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3") else "the database of DATABASE_URL"


def _short(path: Path) -> str:
    """The path as seen from the current directory, where that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)
