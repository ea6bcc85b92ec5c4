"""Organisers prepare a study: settings, images, invitations, a look at what subjects will see."""

import uuid
from typing import Any
from uuid import UUID
from zipfile import BadZipFile

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Max, Min
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from challenge.contests.access import organised_challenges
from challenge.core.http import SignedInRequest
from challenge.study import rating, setup
from challenge.study.access import organised_study
from challenge.study.forms import ImagesForm, InviteForm, StudyForm
from challenge.study.image_list import InvalidList, files_in_zip
from challenge.study.image_response import send_image
from challenge.study.models import Study, StudyImage
from challenge.study.subject_views import page_context


@login_required
@require_safe
def studies(request: SignedInRequest, challenge: str) -> HttpResponse:
    """All studies of a challenge."""
    shown = get_object_or_404(organised_challenges(request.user), slug=challenge)
    rows = shown.studies.annotate(image_count=Count("images", distinct=True), people=Count("subjects", distinct=True))
    return render(request, "study/studies.html", {"challenge": shown, "studies": rows})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_study(request: SignedInRequest, challenge: str) -> HttpResponse:
    """Make a study."""
    shown = get_object_or_404(organised_challenges(request.user), slug=challenge)
    return _settings(request, Study(challenge=shown))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit_study(request: SignedInRequest, challenge: str, study_id: UUID) -> HttpResponse:
    """Change the settings of a study."""
    return _settings(request, organised_study(request.user, challenge, study_id))


def _settings(request: SignedInRequest, study: Study) -> HttpResponse:
    is_new = study._state.adding
    form = StudyForm(request.POST if request.method == "POST" else None, instance=study)
    if form.is_bound and form.is_valid():
        try:
            setup.save_study(study, form.cleaned_data["questions"], request.user)
        except setup.ChangeRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, "The study is made. Add its images." if is_new else "Changed.")
            return redirect(study)
    context = {"challenge": study.challenge, "study": None if is_new else study, "form": form}
    return render(request, "study/settings.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def images(request: SignedInRequest, challenge: str, study_id: UUID) -> HttpResponse:
    """What images there are by group; add more from a list and a zip."""
    study = organised_study(request.user, challenge, study_id)
    form = ImagesForm(request.POST, request.FILES) if request.method == "POST" else ImagesForm()
    report = None
    if form.is_bound and form.is_valid():
        try:
            count = setup.add_images(
                study,
                form.cleaned_data["list"].read(),
                files_in_zip(form.cleaned_data["archive"]),
                request.user,
            )
        except BadZipFile:
            form.add_error("archive", "This is no zip archive, or it is damaged.")
        except setup.ChangeRefused as refused:
            form.add_error(None, str(refused))
        except InvalidList as error:
            report = error.report
        else:
            messages.success(request, f"{count:,} images added. Their metadata is gone.")
            return redirect("study-images", challenge=challenge, study_id=study.pk)
    groups = study.images.order_by("role", "group").values("role", "group")
    context = {
        "challenge": study.challenge,
        "study": study,
        "form": form,
        "report": report,
        "groups": [
            {**row, "role": StudyImage.Role(row["role"]).label}
            for row in groups.annotate(count=Count("pk"), first=Min("name"), widest=Max("width"), highest=Max("height"))
        ],
    }
    return render(request, "study/images.html", context, status=422 if form.errors or report else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def subjects(request: SignedInRequest, challenge: str, study_id: UUID) -> HttpResponse:
    """Everybody who is invited, with their answers. New links show once, in the answer to the POST that makes them."""
    study = organised_study(request.user, challenge, study_id)
    form, links, status = InviteForm(), [], 200
    if request.method == "POST" and "renew" in request.POST:
        subject = get_object_or_404(study.subjects, pk=_uuid(request.POST["renew"]))
        try:
            links = [(subject.code, _link(request, setup.renew_link(subject, request.user)))]
        except setup.ChangeRefused as refused:
            messages.warning(request, str(refused))
    elif request.method == "POST":
        form = InviteForm(request.POST)
        if form.is_valid():
            made = setup.invite(study, form.cleaned_data["count"], request.user)
            links = [(subject.code, _link(request, token)) for subject, token in made]
        else:
            status = 422
    context = {
        "challenge": study.challenge,
        "study": study,
        "form": form,
        "links": links,
        "subjects": study.subjects.annotate(session_count=Count("sessions")).order_by("number"),
    }
    response = render(request, "study/subjects.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _link(request: SignedInRequest, token: str) -> str:
    return request.build_absolute_uri(reverse("study-invitation", args=[token]))


@login_required
@require_POST
def change_state(request: SignedInRequest, challenge: str, study_id: UUID) -> HttpResponse:
    """Open or close a study."""
    study = organised_study(request.user, challenge, study_id)
    change = {"open": setup.open_study, "close": setup.close_study}.get(request.POST.get("do", ""))
    if change is None:
        messages.warning(request, "Say what is to be done.")
        return redirect(study)
    try:
        change(study, request.user)
    except setup.ChangeRefused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, f"The study is {study.get_state_display().lower()}.")
    return redirect(study)


@login_required
@require_safe
def preview(request: SignedInRequest, challenge: str, study_id: UUID) -> HttpResponse:
    """The rating page as subjects see it, with the first group; nothing is stored."""
    study = organised_study(request.user, challenge, study_id)
    language = "zh" if request.GET.get("language") == "zh" or study.languages == "zh" else "en"
    path = [challenge, study.pk]
    context = page_context(study, language) | {
        "config": {
            "session": "preview",
            "preview": True,
            "state": reverse("study-preview-state", args=path),
            "image": reverse("study-preview-image", args=[*path, uuid.UUID(int=0)]),
            "home": study.get_absolute_url(),
        },
    }
    return render(request, "study/rating.html", context)


@login_required
@require_safe
def preview_state(request: SignedInRequest, challenge: str, study_id: UUID) -> JsonResponse:
    """The trials of a session that nobody has."""
    study = organised_study(request.user, challenge, study_id)
    group: Any = study.images.aggregate(first=Min("group"))["first"]
    found = {image.pk: image for image in study.images.all()}
    trials = [
        rating.described(image, found[image], kind == "warmup")
        for kind, image in rating.planned(study, group, "preview")
    ]
    once = {trial["id"]: trial for trial in trials}  # here ids are images': a repeat would be its first time again
    return JsonResponse({"trials": list(once.values()), "state": "open"})


@login_required
@require_safe
def preview_image(request: SignedInRequest, challenge: str, study_id: UUID, image_id: UUID) -> HttpResponseBase:
    """One image of a study, to its organisers."""
    study = organised_study(request.user, challenge, study_id)
    return send_image(get_object_or_404(study.images, pk=image_id))
