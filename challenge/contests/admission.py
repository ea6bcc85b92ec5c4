"""Whether somebody may take part: the allow-list and the organisers' questions.

Everything here is decided again each time somebody joins; nothing is remembered but the answers.
"""

from collections.abc import Mapping
from typing import Any

from allauth.account.models import EmailAddress

from challenge.accounts.models import User
from challenge.contests.models import Challenge
from challenge.contests.records import RegistrationQuestion, RegistrationStatus
from challenge.core.text import visible_text

MAX_ANSWER = 1000


class JoinRefused(Exception):
    """The user cannot join; `str(error)` says why and what to do, `field` names the form field it belongs to."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


def is_on_allow_list(user: User, challenge: Challenge) -> bool:
    """Whether a *confirmed* address of `user` is on the list, by itself or by its domain or a domain above that."""
    entries = {line.strip().lower().removeprefix("@") for line in challenge.allow_list.splitlines()} - {""}
    addresses = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    return any(_is_listed(address.lower(), entries) for address in addresses)


def _is_listed(address: str, entries: set[str]) -> bool:
    labels = address.rpartition("@")[2].split(".")
    domains = {".".join(labels[start:]) for start in range(len(labels))}
    return address in entries or not domains.isdisjoint(entries)


def status_for(user: User, challenge: Challenge, *, must_be_approved: bool) -> RegistrationStatus:
    """What a new registration of `user` is: accepted, or waiting for the organisers. Raises JoinRefused.

    `must_be_approved`: the user has left a team that had submitted. Another team would bring another quota, so the
    organisers decide, whatever the mode.
    """
    mode, modes = challenge.registration_mode, Challenge.RegistrationMode
    listed = mode != modes.OPEN and is_on_allow_list(user, challenge)
    if mode == modes.ALLOW_LIST and not listed:
        raise JoinRefused(
            "This challenge is for people on a list of e-mail addresses, and no confirmed address of yours is on it. "
            "Add the right address to your account and confirm it, or ask the organisers."
        )
    if must_be_approved or (mode == modes.APPROVAL and not listed):
        return RegistrationStatus.PENDING
    return RegistrationStatus.ACCEPTED


def field_of(question: RegistrationQuestion) -> str:
    """The name of the form field for a question."""
    return f"question_{question.pk}"


def checked_answers(challenge: Challenge, given: Mapping[str, Any]) -> list[dict[str, str]]:
    """The answers to all questions of `challenge`, as a registration stores them, from a mapping of form fields.

    Raises JoinRefused, naming the field, when a required answer is missing or is none of the choices.
    """
    return [
        {"question": question.text, "answer": _checked(question, given.get(field_of(question), ""))}
        for question in challenge.questions.all()
    ]


def _checked(question: RegistrationQuestion, value: Any) -> str:
    kinds = RegistrationQuestion.Kind
    if question.kind == kinds.CHECKBOX:
        if question.required and not value:
            raise JoinRefused("Tick this to take part.", field_of(question))
        return "yes" if value else "no"
    answer = visible_text(str(value), keep="\n").strip()[:MAX_ANSWER]
    if question.required and not answer:
        raise JoinRefused("Answer this question.", field_of(question))
    if question.kind == kinds.CHOICE and answer and answer not in question.choice_list:
        raise JoinRefused("Choose one of the answers.", field_of(question))
    return answer
