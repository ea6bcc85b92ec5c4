"""Gates: which teams may submit in a phase that follows another one (`Phase.gate`)."""

from challenge.contests.models import Phase, Team
from challenge.submissions.models import Submission
from challenge.submissions.states import Status


def asks_for(phase: Phase) -> str:
    """What the gate of `phase` asks of a team, for people; empty without a gate."""
    if phase.gate is None:
        return ""
    minimum = "" if phase.gate_minimum is None else f" with a main score of at least {phase.gate_minimum:g}"
    return f"a scored submission in «{phase.gate.title}», sent before its deadline,{minimum}".rstrip(",")


def is_open_for(team: Team, phase: Phase) -> bool:
    """Whether `team` has what the gate of `phase` asks for; True without a gate."""
    if phase.gate_id is None:
        return True
    there = Submission.objects.filter(team=team, phase=phase.gate_id, status=Status.SCORED, is_late=False)
    if phase.gate_minimum is not None:
        there = there.filter(evaluations__is_current=True, evaluations__rank_value__gte=phase.gate_minimum)
    return there.exists()


def refusal(team: Team, phase: Phase) -> str:
    """What `team` lacks to submit in `phase`, and what to do; empty when nothing."""
    if is_open_for(team, phase):
        return ""
    gate = phase.gate
    assert gate is not None  # noqa: S101  without a gate the line above has returned
    then = f"It closes {gate.closes_at:%Y-%m-%d %H:%M} UTC." if gate.state == "open" else f"It is {gate.state}."
    return f"This phase is for teams that have {asks_for(phase)}. Your team has none. {then}"
