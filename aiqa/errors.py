"""Why a command ends without having done its work. The exit status says what kind of reason, the text what to do."""

from typing import Any

OK, REFUSED, USAGE, NETWORK, INTERRUPTED = 0, 1, 2, 3, 130

# What a person can do about a problem of the API, by its code.
FIXES = {
    "not_authenticated": "Make a token on the site's page «API tokens», then: aiqa login --url SITE",
    "not_registered": "Join the challenge on the site.",
    "terms_changed": "Open the challenge on the site and accept the new terms.",
    "invalid_file": "Correct the lines above; no quota was used.",
    "idempotency_key_reused": "Send it as another submission: aiqa submit --again ...",
    "not_found": "Check the name, and whether the token's account may see it: aiqa phases CHALLENGE",
}


class CommandFailed(Exception):
    """Ends the command. `code` is for programs, the text and `fix` are for people, `document` is what the API sent."""

    status = REFUSED

    def __init__(self, code: str, detail: str, fix: str = "", document: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.fix = fix or FIXES.get(code, "")
        self.document = document or {}


class Refused(CommandFailed):
    """The server, or a check here, says no; asking again in the same way is in vain."""


class WrongUsage(CommandFailed):
    """The command line asks for something that makes no sense."""

    status = USAGE


class NetworkFailed(CommandFailed):
    """The server could not be reached, or not long enough, however often it was tried."""

    status = NETWORK
