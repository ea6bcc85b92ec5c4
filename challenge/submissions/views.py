"""Submitting, watching and managing submissions."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from challenge.analyses.budget import budget_of
from challenge.contests.access import (
    may_see_fit,
    may_see_scores,
    registration_of,
    visible_challenges,
    visible_phases,
)
from challenge.contests.deadlines import deadline_changes
from challenge.contests.models import Phase, Team
from challenge.core.downloads import send_file
from challenge.core.http import SignedInRequest
from challenge.core.limits import limited
from challenge.datasets.access import DataAccess
from challenge.datasets.services import current_answer_key, expected_names, result_decimals, shown_decimals
from challenge.rescorings.results import why_unscored
from challenge.submissions import gates, services
from challenge.submissions.access import stored_file, visible_submissions
from challenge.submissions.counting import counting_evaluation, why_it_counts
from challenge.submissions.forms import SubmitForm
from challenge.submissions.intake import SubmissionRefused, dry_run, quota_for, receive
from challenge.submissions.models import Submission
from challenge.submissions.resubmission import initial_of, sent_file, source_of
from challenge.submissions.results import (
    defined_criteria,
    evaluation_history,
    full_result,
    is_analysing,
    main_metrics,
    visible_evaluations,
    visible_private_scores,
    visible_releases,
)
from challenge.submissions.states import Status

MOST_ROWS = 200


def _phase(request: SignedInRequest, challenge: str, phase: str) -> Phase:
    return get_object_or_404(visible_phases(request.user), challenge__slug=challenge, slug=phase)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited("upload")
def submit(request: SignedInRequest, challenge: str, phase: str) -> HttpResponse:
    """The submit form; a POST takes the file or shows every error of it by line, with what was typed still there."""
    shown = _phase(request, challenge, phase)
    registration = registration_of(request.user, shown.challenge)
    if registration is None:
        messages.info(request, "Join the challenge first; then you can submit.")
        return redirect("join", challenge=challenge)
    if registration.owes_consent:
        messages.info(request, "The terms have changed. Accept them; then you can submit.")
        return redirect("terms", challenge=challenge)
    is_sent = request.method == "POST"
    source = _source(registration.team, request.POST.get("source", "") if is_sent else request.GET.get("from", ""))
    initial = initial_of(source) if source else None
    form = SubmitForm(request.POST, request.FILES) if is_sent else SubmitForm(initial=initial)
    refusal: SubmissionRefused | None = None
    if is_sent and form.is_valid():
        try:
            with sent_file(form.cleaned_data["file"], source) as upload:
                submission = receive(
                    phase=shown,
                    user=request.user,
                    upload=upload,
                    method=form.method(),
                    began_at=request.began_at,
                    idempotency_key=form.idempotency_key(upload),
                )
        except SubmissionRefused as error:
            refusal = error
        except FileNotFoundError:
            form.add_error("file", "The stored file cannot be read. Choose the file.")
        else:
            return redirect(submission)
    key = current_answer_key(shown)
    gate_refusal = gates.refusal(registration.team, shown)
    context = {
        "challenge": shown.challenge,
        "phase": shown,
        "state": shown.state,
        "team": registration.team,
        "form": form,
        "source": source,
        "refusal": refusal,
        "quota": quota_for(shown, request.user, timezone.now()),
        "answer_key": key,
        "has_starter_kit": key and not DataAccess.of(request.user, shown.challenge).kit_refusal(shown),
        "example_names": expected_names(key)[:3] if key and shown.state != "upcoming" and not gate_refusal else (),
        "gate_refusal": gate_refusal,
        "max_file_bytes": settings.MAX_PREDICTION_FILE_BYTES,
        "extensions": deadline_changes(shown),
        "now": timezone.now(),
    }
    return render(request, "submissions/submit.html", context, status=422 if refusal or form.errors else 200)


def _source(team: Team, submission_id: str) -> Submission | None:
    """The submission that a new one begins with, None where none is named; 404 for anybody else's."""
    if not submission_id:
        return None
    try:
        found = source_of(team, UUID(submission_id))
    except ValueError:
        found = None
    if found is None:
        raise Http404
    return found


@login_required
@require_POST
@limited("upload")
def validate_file(request: SignedInRequest, challenge: str, phase: str) -> HttpResponse:
    """A dry run for the submit page: the same check as a submission, a fragment as the answer, no quota, no row."""
    shown = _phase(request, challenge, phase)
    upload = request.FILES.get("file")
    if upload is None:
        return render(request, "submissions/validation.html", {"message": "Choose a file."})
    try:
        report = dry_run(shown, request.user, upload, request.began_at)
    except SubmissionRefused as refusal:
        status = 403 if refusal.code in ("not_registered", "not_accepted", "terms_changed") else 200
        return render(request, "submissions/validation.html", {"message": str(refusal)}, status=status)
    return render(request, "submissions/validation.html", {"report": report, "file_name": upload.name})


@login_required
@require_safe
def my_submissions(request: SignedInRequest, challenge: str) -> HttpResponse:
    """Everything the viewer's team has sent in this challenge, newest first."""
    shown = get_object_or_404(visible_challenges(request.user), slug=challenge)
    registration = registration_of(request.user, shown)
    if registration is None:
        return redirect("join", challenge=challenge)
    rows = visible_submissions(request.user).filter(team=registration.team)
    shown_rows = list(rows[:MOST_ROWS])
    context = {
        "challenge": shown,
        "team": registration.team,
        "entries": _entries(request, shown_rows),
        "total": rows.count() if len(shown_rows) == MOST_ROWS else len(shown_rows),
        "phases": [
            {
                "phase": phase,
                "state": phase.state,
                "quota": quota_for(phase, request.user, timezone.now()),
                "counting": _counting(request, registration.team, phase),
                "gate_refusal": gates.refusal(registration.team, phase),
                "may_choose": phase.may_choose_at(timezone.now()),
            }
            for phase in shown.phases.select_related("challenge", "gate")
        ],
    }
    return render(request, "submissions/list.html", context)


@login_required
@require_safe
def submission_row(request: SignedInRequest, submission_id: str) -> HttpResponse:
    """One line of `my_submissions`; it asks for itself again until the state is final."""
    submission = get_object_or_404(visible_submissions(request.user), pk=submission_id)
    return render(request, "submissions/row.html", {"entry": _entries(request, [submission])[0]})


@login_required
@require_safe
def submission_page(request: SignedInRequest, submission_id: str) -> HttpResponse:
    """One submission: state, receipt, scores where the phase shows them."""
    submission = get_object_or_404(visible_submissions(request.user), pk=submission_id)
    context = {**_detail(request, submission), "resubmit_to": _resubmit_to(request, submission)}
    return render(request, "submissions/detail.html", context)


@login_required
@require_safe
def submission_status(request: SignedInRequest, submission_id: str) -> HttpResponse:
    """The part of the page that changes; it asks for itself again until the state is final."""
    submission = get_object_or_404(visible_submissions(request.user), pk=submission_id)
    return render(request, "submissions/status.html", _detail(request, submission))


@login_required
@require_safe
def submission_file(request: SignedInRequest, submission_id: str) -> HttpResponseBase:
    """The file as it was sent, to its team and the organisers."""
    submission = get_object_or_404(visible_submissions(request.user), pk=submission_id)
    return send_file(request, stored_file(submission))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: SignedInRequest, submission_id: str) -> HttpResponse:
    """Ask, then withdraw a submission that is not scored yet; its quota comes back."""
    submission = get_object_or_404(visible_submissions(request.user), pk=submission_id)
    if request.method != "POST":
        phase = submission.phase
        context = {"submission": submission, "phase": phase, "challenge": phase.challenge}
        return render(request, "submissions/withdraw.html", context)
    if services.withdraw(submission, request.user):
        messages.success(request, "Withdrawn. Your quota was given back.")
    else:
        messages.warning(request, "Too late: this submission had already reached its final state.")
    return redirect(submission)


@login_required
@require_POST
def choose(request: SignedInRequest, submission_id: str) -> HttpResponse:
    """Make a scored submission the one that counts, while the phase is open."""
    submission = get_object_or_404(visible_submissions(request.user), pk=submission_id)
    if refusal := services.refusal_to_choose(submission, request.user, request.began_at):
        messages.warning(request, refusal)
    elif services.choose(submission, request.user):
        messages.success(request, "This submission now counts for your team.")
    else:
        messages.warning(request, "Only a scored submission that came in time can be chosen.")
    return redirect(submission)


def _resubmit_to(request: SignedInRequest, submission: Submission) -> list[Phase]:
    """The phases that take files of the viewer's team, where the submission is of that team; else none."""
    registration = registration_of(request.user, submission.phase.challenge)
    if registration is None or registration.team_id != submission.team_id:
        return []
    phases = submission.phase.challenge.phases.select_related("challenge")
    return [
        phase for phase in phases if phase.state in ("open", "late") and gates.is_open_for(registration.team, phase)
    ]


def _counting(request: SignedInRequest, team: Team, phase: Phase) -> dict[str, Any] | None:
    """Which submission gives `team` its rank, and why. None while none does, and where saying so would tell scores.

    None with a Ladder: its releases say which submission moved the shown score, and the best one is not told.
    """
    if phase.is_ladder or (phase.board_rule == Phase.BoardRule.BEST and not may_see_scores(request.user, phase)):
        return None
    evaluation = counting_evaluation(team, phase)
    if evaluation is None:
        return None
    submission = evaluation.submission
    return {"submission": submission, "why": why_it_counts(phase, submission.is_chosen)}


def _entries(request: SignedInRequest, rows: list[Submission]) -> list[dict[str, object]]:
    """Submissions with their scores, where the viewer may see them (None where not), and what a Ladder has shown."""
    visible = visible_evaluations(request.user, rows)
    released = visible_releases(request.user, rows)
    phases = {row.phase_id: row.phase for row in rows}
    shown = {pk: shown_decimals(phase) for pk, phase in phases.items()}
    exact = {pk: result_decimals(phase) for pk, phase in phases.items()}
    return [
        {
            "submission": row,
            "scores": main_metrics(visible[row.pk]) if row.pk in visible else None,
            "is_ladder": row.pk in released,
            "release": released.get(row.pk),
            "decimals": shown[row.phase_id],
            "result_decimals": exact[row.phase_id],
        }
        for row in rows
    ]


def _detail(request: SignedInRequest, submission: Submission) -> dict[str, object]:
    phase = submission.phase
    visible = visible_evaluations(request.user, [submission])
    evaluation = visible.get(submission.pk)
    released = visible_releases(request.user, [submission])
    release = released.get(submission.pk)
    is_release_due = submission.pk in released and submission.status == Status.SCORED and release is None
    return {
        "submission": submission,
        "files_before": services.files_before(submission),
        "phase": phase,
        "challenge": phase.challenge,
        "evaluation": evaluation,
        "result": full_result(evaluation) if evaluation else None,
        "criteria": defined_criteria(full_result(evaluation)) if evaluation else [],
        "analysis": getattr(evaluation, "analysis", None),
        "scores": main_metrics(evaluation) if submission.pk in visible else None,
        "counting": _counting(request, submission.team, phase) if submission.team else None,
        "shows_fit": may_see_fit(phase),
        "events": submission.events.select_related("actor"),
        "still_changes": not submission.is_final
        or is_release_due
        or (evaluation is not None and is_analysing(evaluation)),
        "is_ladder": submission.pk in released,
        "release": release,
        "budget": budget_of(submission.team, phase) if submission.team else None,
        "private": visible_private_scores(request.user, [submission]).get(submission.pk),
        "decimals": shown_decimals(phase),
        "result_decimals": result_decimals(phase),
        "evaluations": [
            {"evaluation": one, "scores": main_metrics(one), "receipt": getattr(one, "receipt", None)}
            for one in evaluation_history(request.user, submission)
        ],
        "unscored_reason": why_unscored(submission) if evaluation is None else "",
        "may_see_scores": submission.pk in visible,
        "may_choose": phase.may_choose_at(timezone.now()) and not submission.is_late,
    }
