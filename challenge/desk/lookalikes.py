"""People of different teams who may be one person: facts that organisers read beside the evidence of collusion.

A quota is of a team, so a second account is a second quota. What shows it most often is a mailbox under two addresses
(anna@, anna+2@) and a name with a number behind it (name, name1, name2).
"""

import dataclasses
import unicodedata
from collections.abc import Iterable

from challenge.contests.models import Challenge, Registration

# Where full stops in an address mean nothing.
WITHOUT_STOPS = frozenset({"gmail.com", "googlemail.com"})
SHORTEST_NAME = 3


@dataclasses.dataclass(frozen=True)
class LookAlike:
    """What is alike, and the registrations, of at least two teams, by the age of the accounts."""

    what: str
    registrations: tuple[Registration, ...]


def look_alikes(challenge: Challenge) -> list[LookAlike]:
    """Every group of alike mailboxes, user names or team names across the teams of `challenge`."""
    rows = challenge.registrations.filter(team__isnull=False).select_related("user", "team")
    people = list(rows.order_by("user__date_joined", "pk"))
    keys = (
        ("Same mailbox", [mailbox(row.user.email) for row in people]),
        ("User names", [stem(row.user.username) for row in people]),
        ("Team names", [stem(row.team.name) if row.team else "" for row in people]),
    )
    return [LookAlike(what, group) for what, names in keys for group in _groups(people, names)]


def _groups(people: list[Registration], names: Iterable[str]) -> Iterable[tuple[Registration, ...]]:
    found: dict[str, list[Registration]] = {}
    for row, name in zip(people, names, strict=True):
        if name:
            found.setdefault(name, []).append(row)
    return (tuple(rows) for rows in found.values() if len({row.team_id for row in rows}) > 1)


def mailbox(address: str) -> str:
    """The address that mail to `address` ends in, as far as its spelling tells; empty for none."""
    local, at, domain = address.casefold().rpartition("@")
    local = local.partition("+")[0]
    if domain in WITHOUT_STOPS:
        local = local.replace(".", "")
    return f"{local}@{domain}" if at and local else ""


def stem(name: str) -> str:
    """The letters of `name`, whatever their case, without numbers at its end; empty where too few are left."""
    text = unicodedata.normalize("NFKC", name).casefold()
    letters = "".join(character for character in text if character.isalnum()).rstrip("0123456789")
    return letters if len(letters) >= SHORTEST_NAME else ""
