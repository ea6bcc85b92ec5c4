"""Checks and training before a subject's first session: one page per kind, which asks, tells and ends it."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

from challenge.study import preparations, rating
from challenge.study.access import subject_of
from challenge.study.image_response import send_image
from challenge.study.models import StudyImage, Subject
from challenge.study.preparation_rules import attempts_left, pending, required
from challenge.study.records import Preparation
from challenge.study.subject_views import page_context

Kind = Preparation.Kind
KEYS = {"up": "ArrowUp", "right": "ArrowRight", "down": "ArrowDown", "left": "ArrowLeft", "none": "n"}


@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(private=True, no_store=True)
def check(request: HttpRequest, study_id: UUID, kind: str) -> HttpResponse:
    """The question that waits, or the beginning or the end of an attempt; a POST begins one or answers."""
    subject = subject_of(request, study_id)
    if kind not in required(subject.study) or rating.owes_consent(subject):
        raise Http404
    context = page_context(subject.study, subject.language) | {"kind": kind}
    texts = context["t"]
    problem = ""
    if request.method == "POST":
        try:
            return redirect(_done(request, subject, kind))
        except preparations.NotNow as refused:
            problem = texts[str(refused)]
        except rating.InvalidAnswer:
            problem = texts["score_wrong"]
    context |= _shown(subject, kind, texts, after=request.GET.get("after", "")) | {"problem": problem}
    return render(request, "study/check.html", context, status=422 if problem else 200)


def _done(request: HttpRequest, subject: Subject, kind: str) -> str:
    """What a POST does; the address to go on at. Raises NotNow, InvalidAnswer."""
    if request.POST.get("do") == "begin":
        preparations.begin(subject, kind, request.POST)
        return request.path
    row = get_object_or_404(subject.preparations, kind=kind, finished_at=None)
    place = request.POST.get("place", "")
    if not place.isdecimal():
        raise Http404
    preparations.answer(row.pk, int(place), request.POST.get("answer", ""))
    return f"{request.path}?after={place}" if kind == Kind.TRAINING else request.path


def _shown(subject: Subject, kind: str, texts: dict[str, str], *, after: str) -> dict[str, Any]:
    rows = subject.preparations.filter(kind=kind).select_related("subject__study")
    open_row = rows.filter(finished_at=None).first()
    row = open_row or rows.last()
    study = subject.study
    context: dict[str, Any] = {
        "heading": texts[f"check_{kind}"],
        "intro": texts[f"intro_{kind}"].format(distance=study.viewing_distance),
        "is_training": kind == Kind.TRAINING,
        "needs_card": kind == Kind.ACUITY,
        "left": attempts_left(subject, kind),
        "may_begin": open_row is None and attempts_left(subject, kind) > 0 and not subject.sessions.exists(),
    }
    if row is None:
        return context
    feedback = _feedback(row, after, texts) if kind == Kind.TRAINING else None
    place = preparations.place_of(row)
    if place is None:
        return context | {
            "feedback": feedback,
            "over": _over(row, context["left"], texts),
        }
    if feedback:
        return context | {"feedback": feedback, "goes_on": True}
    return context | _question(row, place, texts)


def _question(row: Preparation, place: int, texts: dict[str, str]) -> dict[str, Any]:
    """The step that waits. Pictures of checks are shown pixel by pixel, images of training as large as they are."""
    step, study = row.steps[place], row.subject.study
    ratio = row.display.get("ratio", 1)
    shown: dict[str, Any] = {
        "row": row,
        "place": place,
        "place_text": texts["check_place"].format(done=place + 1, total=len(row.steps)),
        "alt": texts[f"picture_{row.kind}"],
        "ratio": ratio,
    }
    if row.kind == Kind.TRAINING:
        image = StudyImage.objects.get(pk=step["image"])
        score = texts["score_between"].format(low=study.scale_low, high=study.scale_high)
        return shown | {"image": image, "score_label": score}
    answers = preparations.choices(row.kind)
    return shown | {
        "answers": [(value, texts.get(word, word), KEYS.get(value, value)) for value, word in answers],
    }


def _feedback(row: Preparation, after: str, texts: dict[str, str]) -> str:
    """What is said about an image that is rated."""
    step = row.steps[int(after)] if after.isdecimal() and int(after) < len(row.steps) else {}
    if "given" not in step:
        return ""
    text = texts["training_inside" if step["inside"] else "training_outside"]
    return text.format(**{name: f"{step[name]:g}" for name in ("given", "low", "high")})


def _over(row: Preparation, left: int, texts: dict[str, str]) -> str:
    if row.kind == Kind.TRAINING:
        return texts["training_over"].format(**row.result)
    if row.passed or row.kind not in pending(row.subject):
        return texts["check_thanks"]
    return texts["check_not_passed"].format(count=left) if left else texts["check_no_more"]


@require_safe
def picture(request: HttpRequest, preparation_id: UUID, place: int) -> HttpResponseBase:
    """The picture of the step that waits for an answer; of no other."""
    row = get_object_or_404(Preparation.objects.select_related("subject"), pk=preparation_id)
    if subject_of(request, row.subject.study_id) != row.subject or preparations.place_of(row) != place:
        raise Http404
    step = row.steps[place]
    if row.kind == Kind.TRAINING:
        return send_image(get_object_or_404(StudyImage, pk=step["image"], study=row.subject.study_id))
    return HttpResponse(preparations.picture(step), content_type="image/png", headers={"Cache-Control": "no-store"})
