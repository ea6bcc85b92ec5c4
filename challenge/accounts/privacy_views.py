"""What the site holds about one: take it along, or have it erased."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from challenge.accounts.erasure import ErasureRefused, erase_account
from challenge.accounts.export import NoRoom, export_account
from challenge.accounts.forms import EraseForm
from challenge.core.http import SignedInRequest
from challenge.core.limits import limited


@login_required
@require_safe
def data(request: SignedInRequest) -> HttpResponse:
    """What is held, and the two things one can do about it."""
    return render(request, "accounts/data.html")


@login_required
@require_POST
@limited("export")
def export(request: SignedInRequest) -> HttpResponseBase:
    """Everything about the viewer as a zip."""
    try:
        archive = export_account(request.user)
    except NoRoom:
        messages.warning(request, "The server has no room for the archive at the moment. Try again later.")
        return redirect("account-data")
    response = FileResponse(archive, as_attachment=True, filename=f"{request.user.username}.zip")
    response["Cache-Control"] = "no-store"
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited("erase")
def erase(request: SignedInRequest) -> HttpResponse:
    """Ask with the password (or, without one, a fresh sign-in), then erase the account and sign out."""
    if request.user.has_usable_password():
        return _erase(request)
    confirmed: HttpResponse = reauthentication_required(_erase)(request)
    return confirmed


def _erase(request: SignedInRequest) -> HttpResponse:
    form = EraseForm(request.user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            erase_account(request.user)
        except ErasureRefused as refused:
            form.add_error(None, str(refused))
        else:
            logout(request)
            messages.success(request, "Your account is erased.")
            return redirect("home")
    return render(request, "accounts/erase.html", {"form": form}, status=422 if form.errors else 200)
