"""How a prediction file becomes a submission: the one road of web form, API and command line (design section 3).

Checked in the request, in this order: accepted registration, consent to the terms, phase open when the upload began,
gate passed, quota left, room on disk, answer key there, size, format. Whatever is refused costs no quota and leaves no
row. Then the file is stored durably, and one transaction locks the team, counts the quota, inserts the row and its
events; the worker is called after the commit.
"""

from __future__ import annotations

import dataclasses
import datetime
import shutil
from collections.abc import Callable
from pathlib import PurePath
from typing import IO, Any, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.contests.access import application_of, registration_of
from challenge.contests.models import Phase, Team
from challenge.core.storage import sha256_of
from challenge.core.text import visible_text
from challenge.datasets.services import current_answer_key, expected_names
from challenge.receipts.services import issue_accepted
from challenge.submissions import gates
from challenge.submissions.models import Submission, SubmissionEvent
from challenge.submissions.quota import Quota, QuotaSpent, quota_of, take_slots, utc_day
from challenge.submissions.states import Status, transition
from challenge.submissions.tasks import ring
from scoring.predictions import Report, validate

MAX_RUNTIME_S = 1_000_000
MAX_IDEMPOTENCY_KEY = 80


class SubmissionRefused(Exception):
    """The file was not accepted and nothing was counted.

    `code` is stable for programs (`invalid_file`, `quota_spent`, `phase_closed`, ...), `str(error)` is for people,
    `report` lists the errors of the file by line where that is the reason.
    """

    def __init__(self, code: str, message: str, report: Report | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.report = report


@dataclasses.dataclass(frozen=True)
class Method:
    """What a participant says about the method. Fields left empty are filled from the zip's `readme.txt`."""

    name: str = ""
    description: str = ""
    runtime_s: float | None = None
    device: str = ""
    extra_data: bool | None = None

    def completed_from(self, readme: dict[str, object]) -> Method:
        """This method with its empty fields taken from `readme` (keys as the fields)."""
        empty = {key: value for key, value in readme.items() if getattr(self, key, "") in ("", None)}
        known = {field.name for field in dataclasses.fields(self)}
        return dataclasses.replace(self, **{key: value for key, value in empty.items() if key in known})  # type: ignore[arg-type]

    def checked(self) -> Method:
        """This method as it is stored: visible text of bounded length. Raises SubmissionRefused(`invalid_method`)."""
        if self.device not in Submission.Device.values:
            raise SubmissionRefused("invalid_method", "The device is one of: cpu, gpu, or empty.")
        if self.runtime_s is not None and not 0 <= self.runtime_s <= MAX_RUNTIME_S:  # also refuses NaN
            raise SubmissionRefused(
                "invalid_method", f"The runtime per image is a number of seconds from 0 to {MAX_RUNTIME_S:,}."
            )
        return dataclasses.replace(
            self,
            name=" ".join(visible_text(self.name).split())[:80],
            description=visible_text(self.description, keep="\n\t").strip()[:2000],
        )


def check_file(phase: Phase, upload: UploadedFile[Any]) -> Report:
    """Validate a file against the names of the phase's answer key: every error by line. Costs nothing, writes nothing.

    Raises SubmissionRefused when the phase has no answer key yet or the file is too large to look at.
    """
    key = current_answer_key(phase)
    if key is None:
        raise SubmissionRefused(
            "no_answer_key", "The organisers have not published the list of images of this phase yet. Try again later."
        )
    if (upload.size or 0) > settings.MAX_PREDICTION_FILE_BYTES:
        limit = settings.MAX_PREDICTION_FILE_BYTES / 10**6
        raise SubmissionRefused("file_too_large", f"The file is larger than {limit:g} MB. Send it as a zip.")
    upload.seek(0)
    report = validate(cast(IO[bytes], upload.file), expected_names(key), filename=upload.name)
    upload.seek(0)
    return report


def dry_run(phase: Phase, user: User, upload: UploadedFile[Any], at: datetime.datetime) -> Report:
    """`check_file` for a participant: refused to others, and before the phase opens, because the errors of a file tell
    which names are expected."""
    team = _team_of(phase, user)
    if phase.state_at(at) == "upcoming":
        _require_open(phase, at)
    _require_gate(team, phase)
    return check_file(phase, upload)


def receive(
    *,
    phase: Phase,
    user: User,
    upload: UploadedFile[Any],
    method: Method,
    began_at: datetime.datetime,
    idempotency_key: str = "",
) -> Submission:
    """Accept `upload` as a submission of `user`'s team in `phase`, or raise SubmissionRefused.

    `began_at` is when the upload began: it decides deadline and quota day. A repeated `idempotency_key` of the same
    team and phase, with the same file, returns the submission it made the first time, so a client may retry without
    fear; with another file it is refused, never swallowed.
    """
    team = _team_of(phase, user)
    if idempotency_key.startswith(again_key("")):
        raise SubmissionRefused("invalid_idempotency_key", "Keys that begin so are the server's own. Choose another.")
    if len(idempotency_key) > MAX_IDEMPOTENCY_KEY:
        raise SubmissionRefused(
            "invalid_idempotency_key", f"An idempotency key has at most {MAX_IDEMPOTENCY_KEY} characters."
        )
    # Looked at before the file is read, counted again under the lock below. The quota is read before the earlier
    # submission: were it the other way round, a twin of this request could spend the quota in between.
    quota = quota_of(team, phase, began_at)
    if idempotency_key and (earlier := _earlier(team, phase, idempotency_key, upload)):
        return earlier
    _require_open(phase, began_at)  # after the line above: a retry of what was accepted in time is never too late
    _require_gate(team, phase)
    if quota.remaining == 0:
        raise SubmissionRefused("quota_spent", quota.refusal())
    require_room(upload)
    report = check_file(phase, upload)
    if not report.ok:
        raise SubmissionRefused("invalid_file", report.summary, report)
    submission = _unsaved(phase, upload, method, began_at, report)
    submission.team, submission.submitted_by = team, user
    submission.idempotency_key = idempotency_key or None

    def insert() -> Submission:
        Team.objects.select_for_update().get(pk=team.pk)
        if _team_of(phase, user) != team:  # left, removed or merged while the file was on its way
            raise SubmissionRefused("team_changed", "Your team has changed meanwhile. Send the file again.")
        if idempotency_key and (earlier := _earlier(team, phase, idempotency_key, upload)):
            return earlier
        try:
            submission.day_slot, submission.phase_slot = take_slots(team, phase, began_at)
        except QuotaSpent as spent:
            raise SubmissionRefused("quota_spent", str(spent)) from spent
        submission.is_late = _is_late(phase, began_at)
        submission.created_at = timezone.now()  # under the team's lock: the order in which its scores are released
        return _insert(submission, user)

    return _stored_then(submission, insert)


def receive_reference(*, phase: Phase, upload: UploadedFile[Any], method: Method, actor: User | None) -> Submission:
    """Accept a reference row (a baseline): the same checks of the file and the same scoring, no team, no quota."""
    report = check_file(phase, upload)
    if not report.ok:
        raise SubmissionRefused("invalid_file", report.summary, report)
    submission = _unsaved(phase, upload, method, timezone.now(), report)
    submission.kind, submission.submitted_by = Submission.Kind.REFERENCE, actor

    def insert() -> Submission:
        record(actor, Act.REFERENCE_ROW, submission, challenge=phase.challenge)
        return _insert(submission, actor)

    return _stored_then(submission, insert)


def again_key(submission_id: object) -> str:
    """The idempotency key of the submission that takes the place of a failed one: there is one at most."""
    return f"again:{submission_id}"


def accept_again(original: Submission, *, actor: User, reason: str = "") -> Submission:
    """Accept the stored file of a submission that failed once more, as a new one of the same team, for organisers.

    Failed is final; what failed on our side gets another chance this way. It counts as received when the original was,
    for deadline and quota: the failed one gave its slot back, and if the team has used that, SubmissionRefused says
    so. A second call returns the submission of the first. Raises SubmissionRefused also where nothing failed or the
    file is gone or no longer matches.
    """
    team = original.team
    if team is None or original.status != Status.FAILED:
        raise SubmissionRefused("not_failed", "Only a team's file that failed can be accepted again.")
    try:
        stored = original.file.open("rb")
    except OSError:
        raise SubmissionRefused("file_missing", "The stored file cannot be read.") from None
    with stored:
        upload = UploadedFile(stored, name=original.file_name, size=original.file_size)
        report = check_file(original.phase, upload)
        if not report.ok:
            raise SubmissionRefused("invalid_file", report.summary, report)
        said = {
            field.name: getattr(original, field.name) for field in dataclasses.fields(Method) if field.name != "name"
        }
        method = Method(name=original.method_name, **said)
        submission = _unsaved(original.phase, upload, method, original.received_at, report)
        if submission.sha256 != original.sha256:
            raise SubmissionRefused("file_changed", "The stored file is not the one that was accepted.")
        submission.submitted_by, submission.idempotency_key = original.submitted_by, again_key(original.pk)

        def insert() -> Submission:
            submission.team = Team.objects.select_for_update().get(pk=team.pk)
            before = Submission.objects.filter(team=team, phase=original.phase, idempotency_key=again_key(original.pk))
            if earlier := before.first():
                return earlier
            try:
                submission.day_slot, submission.phase_slot = take_slots(team, original.phase, original.received_at)
            except QuotaSpent as spent:
                raise SubmissionRefused("quota_spent", str(spent)) from spent
            submission.is_late = _is_late(original.phase, original.received_at)
            submission.created_at = timezone.now()
            challenge = original.phase.challenge
            record(actor, Act.SUBMISSION_AGAIN, submission, challenge=challenge, reason=reason)
            return _insert(submission, actor)

        return _stored_then(submission, insert)


def quota_for(phase: Phase, user: User, at: datetime.datetime) -> Quota | None:
    """The quota of `user`'s team, or None for somebody who does not take part."""
    registration = registration_of(user, phase.challenge)
    return quota_of(registration.team, phase, at) if registration else None


def _team_of(phase: Phase, user: User) -> Team:
    registration = registration_of(user, phase.challenge)
    if registration is None:
        application = application_of(user, phase.challenge)
        if application is None:
            raise SubmissionRefused("not_registered", "Join the challenge before you submit.")
        raise SubmissionRefused("not_accepted", f"Your registration: {application.get_status_display().lower()}.")
    if registration.owes_consent:
        raise SubmissionRefused("terms_changed", "The terms have changed. Read and accept them on the site first.")
    return registration.team


def _require_open(phase: Phase, began_at: datetime.datetime) -> None:
    state = phase.state_at(began_at)
    if state == "upcoming":
        raise SubmissionRefused("phase_not_open", f"This phase opens at {phase.opens_at:%Y-%m-%d %H:%M} UTC.")
    if state == "closed":
        late = f" and took late files until {phase.late_until:%Y-%m-%d %H:%M:%S} UTC" if phase.late_until else ""
        raise SubmissionRefused(
            "phase_closed",
            f"This phase closed at {phase.closes_at:%Y-%m-%d %H:%M:%S} UTC{late}; your upload began at "
            f"{began_at.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC.",
        )


def _require_gate(team: Team, phase: Phase) -> None:
    if lacking := gates.refusal(team, phase):
        raise SubmissionRefused("gate_closed", lacking)


def _is_late(phase: Phase, began_at: datetime.datetime) -> bool:
    """Asked in the transaction that inserts: an extension either finds the row or has moved the deadline already."""
    if began_at < phase.closes_at:
        return False
    return began_at >= Phase.objects.select_for_update().get(pk=phase.pk).closes_at


def require_room(upload: UploadedFile[Any]) -> None:
    """Raise SubmissionRefused(`disk_full`) unless the server has room for the file."""
    free = shutil.disk_usage(settings.STATE_DIR).free
    if free - (upload.size or 0) < settings.MIN_FREE_DISK_BYTES:
        raise SubmissionRefused(
            "disk_full", "The server has no room for files at the moment; your quota is untouched. Try again soon."
        )


def _earlier(team: Team, phase: Phase, idempotency_key: str, upload: UploadedFile[Any]) -> Submission | None:
    earlier = Submission.objects.filter(team=team, phase=phase, idempotency_key=idempotency_key).first()
    if earlier and earlier.sha256 != sha256_of(cast(IO[bytes], upload.file)):
        raise SubmissionRefused(
            "idempotency_key_reused", "This idempotency key belongs to another file. Send this file with a new key."
        )
    return earlier


def _unsaved(
    phase: Phase, upload: UploadedFile[Any], method: Method, began_at: datetime.datetime, report: Report
) -> Submission:
    method = method.completed_from(dict(report.method)).checked()
    return Submission(
        phase=phase,
        method_name=method.name,
        description=method.description,
        runtime_s=method.runtime_s,
        device=method.device,
        extra_data=method.extra_data,
        file_name=visible_text(PurePath(upload.name or "").name)[:200] or "predictions.csv",
        file_size=upload.size or 0,
        sha256=sha256_of(cast(IO[bytes], upload.file)),
        rows=report.rows,
        warnings=[warning.message for warning in report.warnings],
        received_at=began_at,
        quota_day=utc_day(began_at),
        file=upload,
    )


def _stored_then(submission: Submission, insert: Callable[[], Submission]) -> Submission:
    """Store the file, then run `insert` in one transaction.

    The file goes again if `insert` refused or found an earlier submission. Once the commit was tried it stays: should
    the answer to the commit be lost, a file that no row names is harmless, a row whose file is gone is not.
    """
    content = submission.file.file
    submission.file.save(f"{submission.pk}", content, save=False)
    stored = str(submission.file.name)
    with transaction.atomic():
        try:
            result = insert()
        except BaseException:
            submission.file.storage.delete(stored)
            raise
    if result is not submission:
        submission.file.storage.delete(stored)
    return result


def _insert(submission: Submission, actor: User | None) -> Submission:
    submission.save(force_insert=True)
    SubmissionEvent.objects.create(
        submission=submission, to_status=Status.RECEIVED, actor=actor, reason="file accepted"
    )
    issue_accepted(submission)
    transition(Submission.objects.filter(pk=submission.pk), to=Status.QUEUED, reason="waiting for a worker")
    submission.status = Status.QUEUED
    transaction.on_commit(lambda: ring(submission.pk), robust=True)  # if it fails, the reconciler rings
    return submission
