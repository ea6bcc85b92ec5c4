"""«A phase closes within a day»: told once for each deadline, by the scheduler."""

import datetime

from django.urls import reverse
from django.utils import timezone

from challenge.contests.models import Phase, PhaseEvent
from challenge.notices.kinds import Kind
from challenge.notices.models import Notice
from challenge.notices.services import tell

BEFORE = datetime.timedelta(hours=24)


def remind() -> int:
    """Tell the participants of every open phase that closes within a day; of how many phases.

    A deadline that is moved is another one, and is told again. One that was moved when a day or less was left is not:
    that mail has just gone out.
    """
    now = timezone.now()
    closing = Phase.objects.filter(
        challenge__is_published=True, opens_at__lte=now, closes_at__gt=now, closes_at__lte=now + BEFORE
    )
    return sum(_remind(phase) for phase in closing.select_related("challenge"))


def _remind(phase: Phase) -> bool:
    key = f"{phase.pk} {phase.closes_at:%Y-%m-%dT%H:%M:%SZ}"
    if Notice.objects.filter(kind=Kind.DEADLINE_NEAR, key=key).exists():
        return False
    if phase.events.filter(kind=PhaseEvent.Kind.DEADLINE, at__gt=phase.closes_at - BEFORE).exists():
        return False
    return tell(
        Kind.DEADLINE_NEAR,
        key,
        challenge=phase.challenge,
        title=f"«{phase.title}» closes at {phase.closes_at:%Y-%m-%d %H:%M} UTC",
        text="What counts is when the upload begins. Files that come later are not ranked, or not taken.",
        path=reverse("submit", args=[phase.challenge.slug, phase.slug]),
    )
