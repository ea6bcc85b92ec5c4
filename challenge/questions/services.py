"""Asking, answering and moderating: one function, one transaction; what organisers do is in the audit log."""

from django.db import transaction
from django.utils import timezone

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.contests.access import registration_of
from challenge.contests.models import Challenge
from challenge.core.text import visible_text
from challenge.notices.kinds import Kind
from challenge.notices.services import tell
from challenge.questions.models import LONGEST_ANSWER, LONGEST_QUESTION, Question

LOGGED_CHARACTERS = 500


class QuestionRefused(Exception):
    """It cannot be done; `str(error)` says why, `field` names the form field it belongs to."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


@transaction.atomic
def ask(*, challenge: Challenge, user: User, text: str, shows_team: bool = False) -> Question:
    """A question of somebody who takes part; the organisers are told that there is one. Raises QuestionRefused.

    The notice does not quote it: what somebody wrote is in one place, from which it can be erased.
    """
    registration = registration_of(user, challenge)
    if registration is None:
        raise QuestionRefused("Questions are for those who take part. Join the challenge first.")
    text = _checked(text, LONGEST_QUESTION, "question")
    made = Question.objects.create(
        challenge=challenge, asker=user, team=registration.team, text=text, shows_team=shows_team
    )
    tell(
        Kind.QUESTION,
        made.pk,
        challenge=challenge,
        title="A new question",
        path=made.get_absolute_url(),
    )
    return made


@transaction.atomic
def answer(question: Question, text: str, *, actor: User, publishes: bool) -> bool:
    """Give or change the answer, and publish both if `publishes`; the asker is told of the first one. False if nothing
    changed. Raises QuestionRefused."""
    text = _checked(text, LONGEST_ANSWER, "answer")
    row = Question.objects.select_for_update().select_related("challenge", "asker").get(pk=question.pk)
    before, now = row.answer, timezone.now()
    published = row.is_published or publishes
    if (before, row.is_published) == (text, published):
        return False
    row.answer, row.is_published = text, published
    row.edited_at = now if before and before != text else row.edited_at
    row.answered_at = row.answered_at or now
    row.save()
    record(
        actor,
        Act.QUESTION_ANSWERED,
        row,
        challenge=row.challenge,
        before={"answer": before[:LOGGED_CHARACTERS]},
        after={"answer": text[:LOGGED_CHARACTERS], "published": row.is_published},
    )
    _tell_asker(row, text)
    return True


@transaction.atomic
def settle(question: Question, *, actor: User) -> bool:
    """Mark an open question as answered, without an answer here: it was given elsewhere. False if it is not open."""
    changed = Question.objects.filter(pk=question.pk, answered_at=None).update(answered_at=timezone.now())
    if changed:
        record(actor, Act.QUESTION_SETTLED, question, challenge=question.challenge)
        row = Question.objects.select_related("challenge", "asker").get(pk=question.pk)
        _tell_asker(row, "The organisers have marked it as answered elsewhere: see the announcements.")
    return bool(changed)


@transaction.atomic
def show(question: Question, is_published: bool, *, actor: User) -> bool:
    """Publish a question with what answer it has, or hide it; False if that is how it is."""
    rows = Question.objects.filter(pk=question.pk, is_published=not is_published)
    changed = rows.update(is_published=is_published)
    if changed:
        act = Act.QUESTION_PUBLISHED if is_published else Act.QUESTION_HIDDEN
        record(actor, act, question, challenge=question.challenge)
    return bool(changed)


def _tell_asker(question: Question, text: str) -> None:
    if question.asker is None:
        return
    tell(
        Kind.ANSWER,
        question.pk,
        challenge=question.challenge,
        user=question.asker,
        title="Your question was answered",
        text=text,
        path=question.get_absolute_url(),
    )


def _checked(text: str, longest: int, field: str) -> str:
    text = visible_text(text.replace("\r\n", "\n"), keep="\n\t").strip()
    if not text or len(text) > longest:
        raise QuestionRefused(f"Write 1 to {longest} characters.", field)
    return text
