"""The tabs of a challenge's pages."""

from typing import Any

from django import template
from django.template import Context
from django.utils import timezone

from challenge.contests.access import application_of, is_organiser
from challenge.contests.models import Challenge, Phase, Registration

register = template.Library()

# Of other pages: the route's own name.
TAB_OF = {
    **dict.fromkeys(("join-team", "terms"), "join"),
    **dict.fromkeys(("submission", "withdraw", "diagnostics"), "submissions"),
    "tables": "leaderboard",
    **dict.fromkeys(
        ("announcement", "new-announcement", "edit-announcement", "withdraw-announcement"), "announcements"
    ),
    **dict.fromkeys(("question", "ask"), "questions"),
    **dict.fromkeys(("rename-team", "leave-team", "ask-merger", "fact-sheet", "fact-sheet-submit"), "team"),
    "report-team": "report",
    **dict.fromkeys(
        (
            *("study", "new-study", "edit-study", "study-images", "study-subjects", "reopen-session"),
            *("import-ratings", "archive-study", "opinion-runs", "opinion-run"),
        ),
        "studies",
    ),
    **dict.fromkeys(
        ("desk-submissions", "desk-submissions-act", "desk-team", "challenge-log", "evidence"),
        "desk",
    ),
    **dict.fromkeys(("rescoring-detail", "rescoring-publish", "rescoring-discard"), "rescoring"),
}


@register.inclusion_tag("contests/nav.html", takes_context=True)
def challenge_nav(context: Context, challenge: Challenge) -> dict[str, Any]:
    """The tabs, that of this page marked; phase pages keep their phase, others lead to the phase that matters now."""
    request = context["request"]
    page = request.resolver_match.url_name
    phases = list(challenge.phases.all())
    application = application_of(request.user, challenge)
    is_accepted = application is not None and application.status == Registration.Status.ACCEPTED
    return {
        "challenge": challenge,
        "current": TAB_OF.get(page, page),
        "phase": context.get("phase") or _phase_of_interest(phases),
        "registration": application if is_accepted else None,
        "application": application,
        "is_organiser": is_organiser(request.user, challenge),
    }


def _phase_of_interest(phases: list[Phase]) -> Phase | None:
    """The open phase that closes first, else the last one that has ended, else the first one."""
    now = timezone.now()
    open_now = [phase for phase in phases if phase.state_at(now) == "open"]
    if open_now:
        return min(open_now, key=lambda phase: phase.closes_at)
    ended = [phase for phase in phases if phase.state_at(now) in ("late", "closed")]
    if ended:
        return ended[-1]
    return phases[0] if phases else None
