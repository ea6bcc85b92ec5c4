"""Making a challenge from a file, and the file of a challenge (`configuration` has the format)."""

from django.db import IntegrityError, transaction

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.contests.configuration import Draft, InvalidConfiguration, parse, to_json, to_yaml
from challenge.contests.models import Challenge, PhaseEvent

WRITERS = {"yaml": to_yaml, "json": to_json}


def export(challenge: Challenge, form: str = "yaml") -> str:
    """The file of `challenge`; `form` is `yaml` or `json`. No answer keys, files, teams or people are in it."""
    return WRITERS[form](challenge)


def draft_of(text: str, slug: str = "") -> Draft:
    """What `create_from_file` would make. Raises InvalidConfiguration, also when the slug is taken."""
    draft = parse(text, slug)
    if Challenge.objects.filter(slug=draft.challenge.slug).exists():
        raise InvalidConfiguration([_taken(draft)])
    return draft


def create_from_file(text: str, actor: User | None, slug: str = "") -> Challenge:
    """Make the unpublished challenge that `text` describes, organised by `actor`, under `slug` where one is given.

    All of it or nothing. Raises InvalidConfiguration with every error by its path.
    """
    draft = draft_of(text, slug)
    try:
        with transaction.atomic():
            draft.challenge.save(force_insert=True)
            if actor:
                draft.challenge.organisers.add(actor)
            record(actor, Act.CHALLENGE_MADE, draft.challenge, challenge=draft.challenge)
            for phase in draft.phases:  # a gate comes before what it guards
                phase.save(force_insert=True)
                PhaseEvent.objects.create(
                    phase=phase, kind=PhaseEvent.Kind.CREATED, actor=actor, reason="made from a file"
                )
    except IntegrityError:
        if Challenge.objects.filter(slug=draft.challenge.slug).exists():  # somebody was faster
            raise InvalidConfiguration([_taken(draft)]) from None
        raise
    return draft.challenge


def _taken(draft: Draft) -> str:
    return f"challenge.slug: «{draft.challenge.slug}» is taken by another challenge; choose another one"
