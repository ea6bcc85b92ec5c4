"""Announcements of a challenge: to read, as a feed, and for organisers to write with a look at them before."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.http import require_http_methods, require_safe

from challenge.announcements import services
from challenge.announcements.access import visible_announcements
from challenge.announcements.forms import AnnouncementForm
from challenge.announcements.models import Announcement
from challenge.contests.access import is_organiser, organised_challenges, visible_challenges
from challenge.contests.models import Challenge
from challenge.core import markdown
from challenge.core.http import SignedInRequest

PER_PAGE = 20
IN_FEED = 50


@require_safe
def announcements(request: HttpRequest, challenge: str) -> HttpResponse:
    """All that stand, pinned ones first; organisers also see what was withdrawn."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    page = Paginator(visible_announcements(request.user, shown), PER_PAGE).get_page(request.GET.get("page"))
    context = {"challenge": shown, "page": page, "is_organiser": is_organiser(request.user, shown)}
    return render(request, "announcements/list.html", context)


@require_safe
def announcement(request: HttpRequest, challenge: str, announcement_id: UUID) -> HttpResponse:
    """One of them."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    row = get_object_or_404(visible_announcements(request.user, shown), pk=announcement_id)
    context = {"challenge": shown, "row": row, "is_organiser": is_organiser(request.user, shown)}
    return render(request, "announcements/detail.html", context)


@require_safe
def feed(request: HttpRequest, challenge: str) -> HttpResponse:
    """The newest that stand, as Atom (RFC 4287)."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    atom = Atom1Feed(
        title=f"{shown.title}: announcements",
        link=request.build_absolute_uri(shown.get_absolute_url()),
        description="",
        feed_url=request.build_absolute_uri(),
        language="en",
    )
    for row in shown.announcements.filter(withdrawn_at=None).order_by("-published_at")[:IN_FEED]:
        atom.add_item(
            title=row.title,
            link=request.build_absolute_uri(row.get_absolute_url()),
            description=markdown.render(row.text),
            unique_id=row.pk.urn,
            pubdate=row.published_at,
            updateddate=row.edited_at or row.published_at,
        )
    response = HttpResponse(content_type="application/atom+xml; charset=utf-8")
    atom.write(response, "utf-8")
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_announcement(request: SignedInRequest, challenge: str) -> HttpResponse:
    """Organisers: write, look at it, publish."""
    return _form(request, get_object_or_404(organised_challenges(request.user), slug=challenge), None)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit_announcement(request: SignedInRequest, challenge: str, announcement_id: UUID) -> HttpResponse:
    """Organisers: change one that stands, with a look at it before."""
    shown = get_object_or_404(organised_challenges(request.user), slug=challenge)
    row = get_object_or_404(shown.announcements.select_related("challenge"), pk=announcement_id, withdrawn_at=None)
    return _form(request, shown, row)


def _form(request: SignedInRequest, challenge: Challenge, row: Announcement | None) -> HttpResponse:
    """The first POST shows what it would be, the second one (`action=publish`) does it."""
    written = {"title": row.title, "text": row.text, "is_pinned": row.is_pinned} if row else {}
    form = AnnouncementForm(request.POST if request.method == "POST" else None, initial=written)
    if form.is_bound and form.is_valid() and request.POST.get("action") == "publish":
        try:
            made = _save(request, challenge, row, form)
        except services.NotAnnounced as error:
            form.add_error(None, str(error))
        else:
            return redirect(made)
    preview = form.cleaned_data if form.is_bound and form.is_valid() else None
    context = {"challenge": challenge, "row": row, "form": form, "preview": preview}
    return render(request, "announcements/form.html", context, status=422 if form.errors else 200)


def _save(
    request: SignedInRequest, challenge: Challenge, row: Announcement | None, form: AnnouncementForm
) -> Announcement:
    if row is None:
        made = services.publish(challenge=challenge, actor=request.user, **form.cleaned_data)
        messages.success(request, "Published. Participants are told.")
        return made
    services.edit(row, actor=request.user, **form.cleaned_data)
    messages.success(request, "Saved.")
    return row


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw_announcement(request: SignedInRequest, challenge: str, announcement_id: UUID) -> HttpResponse:
    """Organisers: take one back, after a question."""
    shown = get_object_or_404(organised_challenges(request.user), slug=challenge)
    row = get_object_or_404(shown.announcements.select_related("challenge"), pk=announcement_id)
    if request.method == "POST":
        if services.withdraw(row, actor=request.user):
            messages.success(request, "Withdrawn. Only organisers see it now.")
        return redirect("announcements", challenge=shown.slug)
    return render(request, "announcements/withdraw.html", {"challenge": shown, "row": row})
