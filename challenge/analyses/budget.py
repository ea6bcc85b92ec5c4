"""The leak budget of a team in a phase: what it has been told of hidden MOS, in bits, and what it may still be told.

Whatever shows something that depends on hidden MOS asks here first and pays here, in one transaction, before it shows
it. What a thing costs is worked out by `scoring.leak_budget`; whether it is shown must not depend on its content.
"""

import dataclasses
import math

from django.db import transaction

from challenge.analyses.models import LeakSpend
from challenge.contests.models import Phase, Team
from challenge.submissions.models import Submission
from scoring.leak_budget import remaining


class BudgetSpent(Exception):
    """Less is left than the answer would cost; the text is for the team."""

    def __init__(self) -> None:
        super().__init__("the information budget of your team is spent, so nothing more is shown in this phase")


@dataclasses.dataclass(frozen=True)
class Budget:
    """Bits: the whole budget, what of it is used, what is left."""

    total: int
    used: float
    left: float

    @property
    def used_shown(self) -> int:
        """What is used, for people: whole bits, rounded up."""
        return math.ceil(self.used)


def budget_of(team: Team, phase: Phase) -> Budget | None:
    """The account of a team, or None where the phase sets no budget."""
    if phase.leak_budget_bits is None:
        return None
    costs = list(LeakSpend.objects.filter(team=team, phase=phase).values_list("bits", flat=True))
    return Budget(phase.leak_budget_bits, math.fsum(costs), remaining(phase.leak_budget_bits, costs))


def may_spend(team: Team, phase: Phase, bits: float) -> bool:
    """Whether so many bits are left now. For deciding what to offer: `spend` decides."""
    budget = budget_of(team, phase)
    return budget is None or bits <= budget.left


def spend(team: Team, phase: Phase, bits: float, what: str, submission: Submission | None = None) -> None:
    """Pay for an answer that is about to be shown. Raises BudgetSpent, and nothing is paid, where less is left.

    Locks the team's row, so that two answers cannot spend the same bits. Without a budget the account is kept too.
    """
    with transaction.atomic():
        Team.objects.select_for_update().get(pk=team.pk)
        if not may_spend(team, phase, bits):
            raise BudgetSpent
        charge(team, phase, bits, what, submission)


def charge(team: Team, phase: Phase, bits: float, what: str, submission: Submission | None = None) -> None:
    """Book an answer that the organisers have decided to give: the account may end below zero, and is then spent."""
    LeakSpend.objects.create(team=team, phase=phase, submission=submission, bits=bits, what=what)
