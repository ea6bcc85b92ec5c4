"""Handing receipts out, the public keys, and the page that checks a receipt."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_safe

from challenge.core.http import SignedInRequest
from challenge.receipts.access import visible_scored_receipts
from challenge.receipts.forms import VerifyForm
from challenge.receipts.models import Receipt
from challenge.receipts.services import accepted_receipt, public_keys
from challenge.receipts.verification import examine
from challenge.submissions.access import visible_submissions


@require_safe
def receipt_keys(request: HttpRequest) -> HttpResponse:
    """The public keys, for whoever checks receipts without this site."""
    response = HttpResponse(public_keys(), content_type="application/json")
    response["Cache-Control"] = "public, max-age=300"
    response["Access-Control-Allow-Origin"] = "*"
    return response


@login_required
@require_safe
def accepted(request: SignedInRequest, submission_id: UUID) -> HttpResponse:
    """That the file was accepted, to its team and the organisers, also on a blind phase."""
    submission = get_object_or_404(visible_submissions(request.user), pk=submission_id)
    receipt = accepted_receipt(submission)
    if receipt is None:
        raise Http404
    return _download(receipt, "accepted")


@login_required
@require_safe
def scored(request: SignedInRequest, submission_id: UUID, evaluation_id: UUID) -> HttpResponse:
    """What one evaluation gave, to those who may see scores."""
    submission = get_object_or_404(visible_submissions(request.user), pk=submission_id)
    receipt = get_object_or_404(visible_scored_receipts(request.user, submission), evaluation=evaluation_id)
    return _download(receipt, f"key-{receipt.document['answer_key']['version']}")


@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Check a receipt that is pasted or sent as a file: a verdict in words."""
    form = VerifyForm(request.POST, request.FILES) if request.method == "POST" else VerifyForm()
    finding = None
    if request.method == "POST" and form.is_valid():
        finding = examine(form.cleaned_data["content"], request.user)
    return render(
        request, "receipts/verify.html", {"form": form, "finding": finding}, status=422 if form.errors else 200
    )


def _download(receipt: Receipt, name: str) -> HttpResponse:
    response = JsonResponse(receipt.to_dict(), json_dumps_params={"indent": 1, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="receipt-{receipt.submission_id}-{name}.json"'
    return response
