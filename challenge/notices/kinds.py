"""What people are told about: each kind, who is told, and what becomes of it unless somebody wishes otherwise."""

import dataclasses
import enum

from django.db import models


class Kind(models.TextChoices):
    """Kinds of notices, with the words of the settings page."""

    SCORED = "scored", "A file of your team was scored"
    FAILED = "failed", "A file of your team could not be scored"
    DEADLINE_NEAR = "deadline_near", "A phase closes within a day"
    DEADLINE_MOVED = "deadline_moved", "A deadline was moved"
    OVERTAKEN = "overtaken", "Another team went past yours on a leaderboard"
    ANNOUNCEMENT = "announcement", "The organisers announced something"
    ANSWER = "answer", "Your question was answered"
    MEMBERSHIP = "membership", "Your registration was decided on, or your team merges"
    QUESTION = "question", "Somebody asked a question"
    FAULT = "fault", "A file could not be scored"


class Mail(models.TextChoices):
    """When the mail of a notice goes out."""

    NOW = "now", "At once"
    DIGEST = "digest", "Daily digest"
    OFF = "off", "Never"


class Audience(enum.Enum):
    """Who is told: those who take part or organise when the notice is spread, not when it was made."""

    PARTICIPANTS = "participants"
    ORGANISERS = "organisers"
    TEAM = "team"
    PERSON = "person"


@dataclasses.dataclass(frozen=True)
class Rule:
    """Who is told of a kind, and when they get mail by default.

    `is_of_scoring`: scoring must not even call a worker for it. `is_markdown`: its texts are, not plain text.
    """

    audience: Audience
    mail: Mail
    is_of_scoring: bool = False
    is_markdown: bool = False


RULES: dict[Kind, Rule] = {
    Kind.SCORED: Rule(Audience.TEAM, Mail.OFF, is_of_scoring=True),
    Kind.FAILED: Rule(Audience.TEAM, Mail.NOW, is_of_scoring=True),
    Kind.DEADLINE_NEAR: Rule(Audience.PARTICIPANTS, Mail.NOW),
    Kind.DEADLINE_MOVED: Rule(Audience.PARTICIPANTS, Mail.NOW),
    Kind.OVERTAKEN: Rule(Audience.TEAM, Mail.DIGEST),
    Kind.ANNOUNCEMENT: Rule(Audience.PARTICIPANTS, Mail.NOW, is_markdown=True),
    Kind.ANSWER: Rule(Audience.PERSON, Mail.NOW, is_markdown=True),
    Kind.MEMBERSHIP: Rule(Audience.PERSON, Mail.NOW),
    Kind.QUESTION: Rule(Audience.ORGANISERS, Mail.NOW),
    Kind.FAULT: Rule(Audience.ORGANISERS, Mail.NOW, is_of_scoring=True),
}
