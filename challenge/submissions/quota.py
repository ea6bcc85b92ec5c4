"""How many files a team may still send: counted from rows, under a lock on the team's row (invariant 4).

What organisers granted a team beyond the phase's quota raises both limits here and nowhere else: the total one for
good, the daily one on the day it was granted for.

The window of the daily quota is the UTC calendar day in which the upload began. A submission occupies one number in
its day and one in its phase; numbers given back are used again. Unique constraints back the lock up.
"""

import dataclasses
import datetime

from django.db import transaction

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.contests.models import Phase, Team
from challenge.submissions.models import QuotaGrant, Submission

MOST_GRANTED = 100


@dataclasses.dataclass(frozen=True)
class Quota:
    """What a team has used and may still use at one moment."""

    daily_limit: int | None
    daily_used: int
    total_limit: int | None
    total_used: int
    resets_at: datetime.datetime
    grants: tuple[QuotaGrant, ...] = ()

    @property
    def remaining(self) -> int | None:
        """Files that may be sent now; None when nothing limits them."""
        left = [
            limit - used
            for limit, used in ((self.daily_limit, self.daily_used), (self.total_limit, self.total_used))
            if limit is not None
        ]
        return max(0, min(left)) if left else None

    @property
    def is_total_spent(self) -> bool:
        """Whether no later day brings a new slot."""
        return self.total_limit is not None and self.total_used >= self.total_limit

    def refusal(self) -> str:
        """Why nothing more can be sent; only meaningful when `remaining` is 0."""
        if self.is_total_spent:
            return f"Your team has used all submissions of this phase ({self.total_used} of {self.total_limit})."
        return (
            f"Your team has used all submissions of this UTC day ({self.daily_used} of {self.daily_limit}). "
            f"The next one is possible from {self.resets_at:%Y-%m-%d %H:%M} UTC."
        )


class GrantRefused(Exception):
    """Nothing is granted; `str(error)` says why, `field` names the form field it belongs to."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class QuotaSpent(Exception):
    """No slot is left; `quota` says how many were used and when the next one comes."""

    def __init__(self, quota: Quota) -> None:
        super().__init__(quota.refusal())
        self.quota = quota


def utc_day(at: datetime.datetime) -> datetime.date:
    """The day whose quota an upload that began at `at` uses."""
    return at.astimezone(datetime.UTC).date()


def quota_of(team: Team, phase: Phase, at: datetime.datetime) -> Quota:
    """The quota of `team` in `phase` at the moment `at`, as the rows are now."""
    day = utc_day(at)
    days = Submission.objects.filter(team=team, phase=phase, phase_slot__isnull=False).values_list(
        "quota_day", flat=True
    )
    used = list(days.order_by())
    midnight = datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time(), datetime.UTC)
    grants = tuple(QuotaGrant.objects.filter(team=team, phase=phase))
    daily, total = phase.daily_quota, phase.total_quota
    if daily is not None:
        daily += sum(grant.slots for grant in grants if grant.day == day)
    if total is not None:
        total += sum(grant.slots for grant in grants)
    return Quota(daily, used.count(day), total, len(used), midnight, grants)


@transaction.atomic
def grant(*, team: Team, phase: Phase, slots: int, day: datetime.date, reason: str, actor: User) -> QuotaGrant:
    """Allow `team` `slots` more submissions in `phase`, to be sent on the UTC day `day` where that has a daily quota.

    Under the lock that uploads take, so each of them is counted either before or after it. Raises GrantRefused without
    a reason, for fewer than 1 or more than MOST_GRANTED slots, for another challenge's phase, and where nothing limits.
    """
    team = Team.objects.select_for_update().get(pk=team.pk)
    if not reason.strip():
        raise GrantRefused("Give a reason: the team reads it.", "reason")
    if not 1 <= slots <= MOST_GRANTED:
        raise GrantRefused(f"Grant 1 to {MOST_GRANTED} submissions.", "slots")
    if phase.challenge_id != team.challenge_id or team.merged_into_id is not None:
        raise GrantRefused("This team does not submit in this phase.", "phase")
    if phase.daily_quota is None and phase.total_quota is None:
        raise GrantRefused("This phase has no quota: nothing limits the team.", "phase")
    reason = reason.strip()[:300]
    made = QuotaGrant.objects.create(team=team, phase=phase, slots=slots, day=day, reason=reason, granted_by=actor)
    after = {"phase": phase.slug, "slots": slots, "day": day}
    record(actor, Act.QUOTA_GRANTED, team, challenge=phase.challenge, reason=reason, after=after)
    return made


def take_slots(team: Team, phase: Phase, at: datetime.datetime) -> tuple[int, int]:
    """The smallest free numbers (in the day, in the phase) for a new submission. Raises QuotaSpent.

    The caller holds the lock on `team`'s row and inserts the submission in the same transaction.
    """
    quota = quota_of(team, phase, at)
    if quota.remaining == 0:
        raise QuotaSpent(quota)
    mine = Submission.objects.filter(team=team, phase=phase, phase_slot__isnull=False).order_by()
    in_day = mine.filter(quota_day=utc_day(at)).values_list("day_slot", flat=True)
    in_phase = mine.values_list("phase_slot", flat=True)
    return _smallest_free(set(in_day)), _smallest_free(set(in_phase))


def _smallest_free(taken: set[int | None]) -> int:
    return next(number for number in range(1, len(taken) + 2) if number not in taken)
