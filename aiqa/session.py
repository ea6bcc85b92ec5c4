"""What the commands share: the client they talk through, how things are named, what a command gives back."""

from __future__ import annotations

import dataclasses
import sys
import uuid
from typing import Any
from urllib.parse import quote

from aiqa.client import Client
from aiqa.errors import OK, Refused, WrongUsage
from aiqa.output import printable


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a command has found: `value` for `--json`, `text` for people, and its exit status.

    A `value` of None: the command has printed by itself.
    """

    value: Any
    text: str = ""
    status: int = OK


def say(text: str) -> None:
    """A line about the work, for people: never on standard output, where the result goes."""
    print(f"aiqa: {printable(text)}", file=sys.stderr)


def find_challenge(client: Client, slug: str) -> dict[str, Any]:
    """The challenge with this name. Raises CommandFailed."""
    challenge: dict[str, Any] = client.get(f"/challenges/{quote(slug, safe='')}")
    return challenge


def find_phase(client: Client, text: str) -> dict[str, Any]:
    """The phase `CHALLENGE/PHASE`, or with this id. Raises CommandFailed."""
    slug, slash, phase = text.partition("/")
    if not slash:
        found: dict[str, Any] = client.get(f"/phases/{identifier(text, 'phase')}")
        return found
    phases: list[dict[str, Any]] = find_challenge(client, slug)["phases"]
    for row in phases:
        if row["slug"] == phase:
            return row
    known = ", ".join(f"{slug}/{row['slug']}" for row in phases) or "none"
    raise Refused("not_found", f"«{slug}» has no phase «{phase}».", f"It has: {known}.")


def identifier(text: str, what: str) -> str:
    """An id as the API has it. Raises WrongUsage."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        fixes = {
            "phase": "Name it as CHALLENGE/PHASE: aiqa phases CHALLENGE lists them.",
            "submission": "Give its id: aiqa submissions CHALLENGE/PHASE lists them.",
        }
        raise WrongUsage("wrong_id", f"{text!r} names no {what}.", fixes[what]) from None
