"""Who may see which questions, and whose they are."""

from django.db.models import Q, QuerySet

from challenge.contests.access import Viewer, is_organiser, may_act
from challenge.contests.models import Challenge
from challenge.questions.models import Question


def visible_questions(user: Viewer, challenge: Challenge) -> QuerySet[Question]:
    """Those of a challenge that `user`, who may see it, may read: published ones, one's own, organisers all."""
    rows = challenge.asked_questions.select_related("challenge", "team", "asker")
    if is_organiser(user, challenge):
        return rows
    mine = Q(asker=user) if may_act(user) else Q(pk=None)
    return rows.filter(Q(is_published=True) | mine)


def told_by(question: Question, user: Viewer, *, organises: bool) -> str:
    """The name of the asking team, where `user` may know it; else empty."""
    may_know = question.shows_team or organises or (question.asker_id is not None and question.asker_id == user.pk)
    return question.team.name if question.team and may_know else ""
