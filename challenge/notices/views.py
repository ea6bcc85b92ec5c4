"""The inbox, what somebody wants to be told, and the links in mails that end them."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from challenge.core.http import SignedInRequest
from challenge.notices import services
from challenge.notices.forms import WishesForm
from challenge.notices.unsubscribing import InvalidLink, subscription

ROWS_PER_PAGE = 30


@login_required
@require_safe
@never_cache
def notifications(request: SignedInRequest) -> HttpResponse:
    """What one was told, newest first."""
    page = Paginator(services.inbox(request.user), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "notices/inbox.html", {"page": page, "unread": services.unread(request.user)})


@login_required
@require_POST
def read(request: SignedInRequest, notification_id: int) -> HttpResponse:
    """Mark one of one's own as read; with `open` also go where it leads."""
    row = get_object_or_404(services.inbox(request.user), pk=notification_id)
    services.mark_read(services.inbox(request.user).filter(pk=row.pk))
    return redirect(row.notice.path) if "open" in request.POST else _back(request)


@login_required
@require_POST
def read_all(request: SignedInRequest) -> HttpResponse:
    """Mark all of one's own as read."""
    services.mark_read(services.inbox(request.user))
    return redirect("notifications")


def _back(request: HttpRequest) -> HttpResponse:
    page = request.POST.get("page", "")
    response = redirect("notifications")
    if page.isdecimal():
        response["Location"] += f"?page={page[:9]}"
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def wishes(request: SignedInRequest) -> HttpResponse:
    """For each kind: on the site or not; mail at once, in the digest or never."""
    form = WishesForm(request.user, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        services.wish(request.user, form.wanted())
        messages.success(request, "Saved.")
        return redirect("notification-settings")
    return render(request, "notices/wishes.html", {"form": form}, status=422 if form.errors else 200)


@csrf_exempt  # the token in the address is the proof, and mail programs have no cookie of ours (RFC 8058)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """A GET asks, because mail scanners follow links; a POST ends that kind of mail for the link's owner."""
    try:
        found = subscription(token)
    except InvalidLink:
        return render(request, "notices/unsubscribe.html", {"invalid": True}, status=404)
    if request.method == "POST":
        found.end()
    context = {"kind": found.kind, "done": request.method == "POST"}
    return render(request, "notices/unsubscribe.html", context)
