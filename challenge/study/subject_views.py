"""What a subject sees: the invitation, consent, the own sessions, the rating page, withdrawing.

A subject needs no account: the link is the key, and the browser that opened it stays in until the link is renewed.
"""

import datetime
import uuid
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from challenge.core.templatetags.display import moment
from challenge.study import rating
from challenge.study.access import remember, session_of, subject_of, takes_part_otherwise
from challenge.study.forms import ConsentForm
from challenge.study.image_response import send_image
from challenge.study.models import RatingSession, Study, Subject, Trial
from challenge.study.preparation_rules import attempts_left, pending, required
from challenge.study.records import Preparation
from challenge.study.setup import withdraw as take_back
from challenge.study.texts import TEXTS

RATING_TEXTS = (
    *("score", "no_score", "labels", "confirm", "progress", "time_left", "practice", "saved", "saving", "offline"),
    *("not_stored", "signed_out", "loading", "not_loading", "broken_later", "undo_limit", "off_scale", "rated_as"),
    *("corrected", "back_at", "too_small", "second_tab", "second_device", "finish_wait", "translation_off", "preview"),
    "time_is_up_text",
)


def page_context(study: Study, language: str) -> dict[str, Any]:
    """What every page of a subject needs: texts in a language."""
    texts = TEXTS[language]
    keys = texts["help_keys"].format(low=study.scale_low, high=study.scale_high)
    return {
        "study": study,
        "language": language,
        "t": texts,
        "instructions": study.text("instructions", language),
        "texts": {name: texts[name] for name in RATING_TEXTS},
        "keys": [entry.split("|") for entry in keys.split(";")],
        "scale": {
            "low": study.scale_low,
            "high": study.scale_high,
            "step": study.step,
            "minutes": study.session_minutes,
        },
    }


@require_safe
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """A subject's link: this browser is that subject's from now on."""
    subjects = Subject.objects.select_related("study__challenge").filter(withdrawn_at=None)
    subject = get_object_or_404(subjects, token_digest=Subject.digest_of(token))
    if takes_part_otherwise(request.user, subject.study):
        return _refused(request, subject, "takes_part")
    if subject.user_id is not None and subject.user_id != request.user.pk:
        return _refused(request, subject, "other_account")
    remember(request, subject)
    return redirect("study-home", study_id=subject.study_id)


def _refused(request: HttpRequest, subject: Subject, why: str) -> HttpResponse:
    context = page_context(subject.study, subject.language)
    return render(request, "study/refused.html", context | {"why": context["t"][why]}, status=403)


@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(private=True, no_store=True)
def home(request: HttpRequest, study_id: UUID) -> HttpResponse:
    """Consent first; then the subject's sessions and what comes next."""
    subject = subject_of(request, study_id)
    language = _language(request, subject)
    context = page_context(subject.study, language) | {"subject": subject}
    if rating.owes_consent(subject):
        form = ConsentForm(subject.study, context["t"], request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            user = request.user if request.user.is_authenticated else None
            rating.consent(subject, language, form.answers(), user)
            return redirect("study-home", study_id=study_id)
        context |= {"form": form, "consent": subject.study.text("consent_text", language)}
        return render(request, "study/consent.html", context, status=422 if form.errors else 200)
    return render(request, "study/home.html", context | _sessions(subject, context["t"]))


def _language(request: HttpRequest, subject: Subject) -> str:
    """The subject's language; `?language=` changes it where the study has both."""
    asked = request.GET.get("language", "")
    if asked in TEXTS and subject.study.languages == Study.Languages.BOTH and asked != subject.language:
        Subject.objects.filter(pk=subject.pk).update(language=asked)
        subject.language = asked
    return subject.language


def _sessions(subject: Subject, texts: dict[str, str]) -> dict[str, Any]:
    """The subject's own calendar, and either the session that comes next or why there is none now."""
    sessions = list(subject.sessions.order_by("number"))
    left = rating.groups_left(subject)
    current = next((one for one in sessions if one.state == RatingSession.State.OPEN), None)
    todo = pending(subject)
    wait: tuple[str, datetime.datetime | None] | None = None
    if current is None:
        if subject.study.state != Study.State.OPEN:
            wait = ("not_open", None)
        elif not left:
            wait = ("all_done", None)
        elif todo:
            wait = ("checks_first", None)
        else:
            wait = rating.rest_until(subject)
    return {
        "sessions": [(one, texts[one.state]) for one in sessions],
        "to_come_text": texts["to_come"].format(count=len(left) + (current is not None)),
        "call": texts["resume"].format(number=current.number)
        if current
        else texts["start"].format(number=len(sessions) + 1),
        "minutes": texts["minutes"].format(minutes=subject.study.session_minutes),
        "checks": [] if sessions else _checks(subject, todo, texts),
        "wait": wait and _in_words(texts[wait[0]], wait[1]),
    }


def _checks(subject: Subject, todo: list[str], texts: dict[str, str]) -> list[tuple[str, str, str, bool]]:
    """(kind, its name, where it stands, whether one can go there) of what comes before the first session."""
    found = []
    for kind in required(subject.study):
        open_now = kind in todo or kind == Preparation.Kind.TRAINING
        stuck = kind in todo and not attempts_left(subject, kind)
        state = "check_failed" if stuck else "check_todo" if kind in todo else "check_done"
        found.append((kind, texts[f"check_{kind}"], texts[state], open_now))
    return found


def _in_words(text: str, until: datetime.datetime | None) -> tuple[str, Any, str]:
    """The text before and after the moment it names, which the page shows as a <time>."""
    before, _, after = text.partition("{until}")
    return before, moment(until) if until else "", after


@require_POST
def start(request: HttpRequest, study_id: UUID) -> HttpResponse:
    """Go to the open session, or to a new one; back to the calendar, which says why, where there cannot be one now."""
    try:
        session = rating.start_session(subject_of(request, study_id))
    except rating.NotNow:
        return redirect("study-home", study_id=study_id)
    return redirect("rating-session", session_id=session.pk)


@require_safe
@ensure_csrf_cookie
@cache_control(private=True, no_store=True)
def rating_page(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """The page that rates. It asks for everything else itself (`rating_api`)."""
    session = session_of(request, session_id)
    if session.state != RatingSession.State.OPEN or rating.owes_consent(session.subject):
        return redirect("study-home", study_id=session.subject.study_id)
    path = [session.pk]
    context = page_context(session.subject.study, session.subject.language) | {
        "config": {
            "session": str(session.pk),
            "preview": False,
            "state": reverse("rating-state", args=path),
            "hold": reverse("rating-hold", args=path),
            "answers": reverse("rating-answers", args=path),
            "finish": reverse("rating-finish", args=path),
            "image": reverse("rating-image", args=[uuid.UUID(int=0)]),
            "home": reverse("study-home", args=[session.subject.study_id]),
        },
    }
    return render(request, "study/rating.html", context)


@require_safe
def image(request: HttpRequest, trial_id: UUID) -> HttpResponseBase:
    """The image of a trial in an open session of this subject."""
    trial = get_object_or_404(Trial.objects.select_related("image"), pk=trial_id)
    session = session_of(request, trial.session_id)
    get_object_or_404(RatingSession.objects.filter(state=RatingSession.State.OPEN), pk=session.pk)
    return send_image(trial.image)


@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(private=True, no_store=True)
def withdraw(request: HttpRequest, study_id: UUID) -> HttpResponse:
    """Ask, then delete what the subject gave."""
    subject = subject_of(request, study_id)
    context = page_context(subject.study, subject.language) | {"subject": subject}
    if request.method == "POST":
        take_back(subject)
        return render(request, "study/withdrawn.html", context)
    return render(request, "study/withdraw.html", context)
