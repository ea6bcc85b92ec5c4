"""Which of a team's submissions counts on the board of its phase, and in which order the others would follow."""

from typing import Any

from django.db.models import F

from challenge.contests.models import Phase, Team
from challenge.submissions.models import Evaluation
from challenge.submissions.states import Status


def counting_order(phase: Phase) -> list[Any]:
    """The order of a team's evaluations by the phase's rule: the first one counts. Never ties: the id decides last."""
    order = {
        Phase.BoardRule.BEST: [F("rank_value").desc(nulls_last=True), F("submission__received_at").asc()],
        Phase.BoardRule.LAST: [F("submission__received_at").desc()],
        Phase.BoardRule.CHOSEN: [F("submission__is_chosen").desc(), F("submission__received_at").desc()],
    }[Phase.BoardRule(phase.board_rule)]
    return [*order, F("submission").asc()]


def counting_evaluation(team: Team, phase: Phase) -> Evaluation | None:
    """The evaluation that gives `team` its rank now; None while nothing that came in time is scored."""
    mine = Evaluation.objects.filter(
        submission__team=team,
        submission__phase=phase,
        submission__status=Status.SCORED,
        submission__is_late=False,
        is_current=True,
    )
    return mine.select_related("submission__phase").order_by(*counting_order(phase)).first()


def why_it_counts(phase: Phase, is_chosen: bool) -> str:
    """The reason that a team's counting submission counts, for people."""
    if phase.board_rule == Phase.BoardRule.BEST:
        return "it has the best main score of your team"
    if phase.board_rule == Phase.BoardRule.LAST:
        return "it is the last scored one of your team"
    return "your team chose it" if is_chosen else "your team has not chosen, and it is the last scored one"
