"""Pages of organisers: a challenge from a file, its file, the deadline of a phase, the freeze of its board."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from challenge.contests.access import is_organiser, may_change, visible_challenges, visible_phases
from challenge.contests.configuration import Draft, InvalidConfiguration, fields_of
from challenge.contests.deadlines import ChangeRefused, change_deadline, freeze_board
from challenge.contests.forms import ConfigurationForm, DeadlineForm, FreezeForm
from challenge.contests.models import Challenge, Phase
from challenge.contests.setup import create_from_file, draft_of, export
from challenge.core.http import SignedInRequest

CONTENT_TYPES = {"yaml": "application/yaml", "json": "application/json"}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_challenge(request: SignedInRequest) -> HttpResponse:
    """Staff: give a file, see what it would make or every error by its path, confirm. `?from=slug` begins with the file
    of a challenge that the viewer organises."""
    if not request.user.is_staff:
        raise PermissionDenied
    errors: list[str] = []
    draft: Draft | None = None
    form = ConfigurationForm(request.POST, request.FILES) if request.method == "POST" else _cloning(request)
    if form.is_bound and form.is_valid():
        text = form.cleaned_data["text"]
        try:
            if request.POST.get("action") == "create":
                challenge = create_from_file(text, request.user)
                messages.success(request, "The challenge is made. Nobody but its organisers sees it yet.")
                return redirect(challenge)
            draft = draft_of(text)
        except InvalidConfiguration as error:
            errors = error.errors
        form = ConfigurationForm(initial={"text": text})
    context = {"form": form, "errors": errors, "draft": draft, "tables": _tables(draft) if draft else ()}
    return render(request, "contests/new.html", context, status=422 if errors or form.errors else 200)


def _cloning(request: SignedInRequest) -> ConfigurationForm:
    slug = request.GET.get("from", "")
    if not slug:
        return ConfigurationForm()
    source = get_object_or_404(visible_challenges(request.user), slug=slug)
    if not is_organiser(request.user, source):
        raise Http404
    source.slug = f"{source.slug[:45]}-copy"
    return ConfigurationForm(initial={"text": export(source)})


def _tables(draft: Draft) -> list[dict[str, Any]]:
    """What would be made, for people: for each row its title and its other fields that are not empty, in the words of
    the models."""
    rows: list[Challenge | Phase] = [draft.challenge, *draft.phases]
    return [
        {
            "title": row.title,
            "facts": [
                (field.verbose_name, _in_words(row, field))
                for field in fields_of(type(row)).values()
                if field.name != "title" and getattr(row, field.name) not in (None, "")
            ],
        }
        for row in rows
    ]


def _in_words(row: Challenge | Phase, field: Any) -> Any:
    value = getattr(row, field.name)
    return dict(field.flatchoices).get(value, value) if field.choices else value


@require_safe
def configuration(request: HttpRequest, challenge: str, form: str) -> HttpResponse:
    """The file of a challenge, to its organisers."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    if not is_organiser(request.user, shown):
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="{shown.slug}.{form}"'}
    return HttpResponse(export(shown, form), content_type=f"{CONTENT_TYPES[form]}; charset=utf-8", headers=headers)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deadline(request: SignedInRequest, challenge: str, phase: str) -> HttpResponse:
    """Move the deadline of a phase: with a reason, a record, a banner and a mail to participants."""
    shown = _changeable(request, challenge, phase)
    form = DeadlineForm(request.POST if request.method == "POST" else None, initial={"closes_at": shown.closes_at})
    if form.is_bound and form.is_valid():
        try:
            change_deadline(phase=shown, actor=request.user, **form.cleaned_data)
        except ChangeRefused as refused:
            form.add_error(refused.field, str(refused))
        else:
            messages.success(request, "The deadline is moved. Participants get a mail within minutes.")
            return redirect(shown.challenge)
    return _phase_form(request, "contests/deadline.html", shown, form)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def freeze(request: SignedInRequest, challenge: str, phase: str) -> HttpResponse:
    """Freeze the public board of a phase, or open it again."""
    shown = _changeable(request, challenge, phase)
    form = FreezeForm(request.POST if request.method == "POST" else None, initial={"frozen_at": shown.board_frozen_at})
    if form.is_bound and form.is_valid():
        try:
            freeze_board(phase=shown, actor=request.user, **form.cleaned_data)
        except ChangeRefused as refused:
            form.add_error(refused.field, str(refused))
        else:
            messages.success(request, "Done." if shown.board_frozen_at else "The board is open.")
            return redirect("leaderboard", challenge=challenge, phase=phase)
    return _phase_form(request, "contests/freeze.html", shown, form)


def _changeable(request: SignedInRequest, challenge: str, phase: str) -> Phase:
    shown = get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)
    if not may_change(request.user, shown.challenge):
        raise Http404
    return shown


def _phase_form(request: SignedInRequest, template: str, phase: Phase, form: Any) -> HttpResponse:
    context = {
        "challenge": phase.challenge,
        "phase": phase,
        "form": form,
        "events": phase.events.select_related("actor"),
    }
    return render(request, template, context, status=422 if form.errors else 200)
