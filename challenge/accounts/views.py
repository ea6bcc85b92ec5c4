"""The account page and API tokens (allauth has the rest: sign-up, login, e-mail, password)."""

import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from challenge.accounts import services
from challenge.accounts.forms import TokenForm
from challenge.core.http import SignedInRequest


@login_required
@require_safe
def account(request: SignedInRequest) -> HttpResponse:
    """Who one is here and where one takes part."""
    registrations = request.user.registrations.exclude(team=None).select_related("challenge", "team")
    return render(request, "accounts/account.html", {"registrations": registrations})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: SignedInRequest) -> HttpResponse:
    """List the tokens; make one, whose text this one answer shows and no later one can."""
    form = TokenForm(request.POST if request.method == "POST" else None)
    text = ""
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        lifetime = datetime.timedelta(days=values["days"])
        _, text = services.create_token(
            user=request.user, name=values["name"], scopes=values["scopes"], lifetime=lifetime
        )
        form = TokenForm()
    context = {"tokens": request.user.api_tokens.all(), "form": form, "text": text}
    response = render(request, "accounts/tokens.html", context, status=422 if form.errors else 200)
    response["Cache-Control"] = "no-store"
    return response


@login_required
@require_POST
def revoke_token(request: SignedInRequest, token_id: str) -> HttpResponse:
    """Revoke one of the viewer's own tokens."""
    if services.revoke_token(user=request.user, token_id=token_id):
        messages.success(request, "Token revoked.")
    return redirect("tokens")
