"""Files that the organisers made by running a team's code: taking one in, and what it says about the submission.

The file passes the check of every submission and is compared by a worker (`reproduction_run`); the web process never
opens an answer key.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import IO, Any, cast
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Exists, OuterRef

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.core import work
from challenge.core.downloads import safe_file_name
from challenge.core.storage import sha256_of
from challenge.core.work import State
from challenge.reports import tasks
from challenge.reports.models import Reproduction
from challenge.submissions.intake import SubmissionRefused, check_file, require_room
from challenge.submissions.models import Evaluation, Submission


def add(*, submission: Submission, upload: UploadedFile[Any], note: str, actor: User) -> Reproduction:
    """Take in the file that the code behind `submission` gave when `actor`, an organiser, ran it; a worker compares it.

    Uses no quota and makes no row of any board. Raises SubmissionRefused as for a submission: with every error by line.
    """
    require_room(upload)
    report = check_file(submission.phase, upload)
    if not report.ok:
        raise SubmissionRefused("invalid_file", report.summary, report)
    reproduction = Reproduction(
        submission=submission,
        file_name=safe_file_name(upload.name or "")[-200:],
        file_size=upload.size or 0,
        sha256=sha256_of(cast(IO[bytes], upload.file)),
        note=note.strip()[:300],
        uploaded_by=actor,
    )
    reproduction.file.save(f"{reproduction.pk}", upload, save=False)
    with transaction.atomic():
        reproduction.save(force_insert=True)
        challenge, facts = submission.phase.challenge, {"submission": submission.pk, "sha256": reproduction.sha256}
        record(actor, Act.REPRODUCTION, reproduction, challenge=challenge, reason=reproduction.note, after=facts)
        _ring_after_commit(reproduction)
    return reproduction


def _ring_after_commit(reproduction: Reproduction) -> None:
    transaction.on_commit(lambda: work.ring(Reproduction, tasks.compare_reproduction, reproduction.pk))


def reconcile() -> int:
    """Have those compared again whose submission was scored again; call a worker for what waits. How many calls."""
    in_force = Evaluation.objects.filter(pk=OuterRef("evaluation"), is_current=True)
    rescored = Evaluation.objects.filter(submission=OuterRef("submission"), is_current=True)
    work.reset(Reproduction.objects.filter(~Exists(in_force), Exists(rescored), state=State.DONE))
    return work.reconcile(Reproduction, tasks.compare_reproduction)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A reproduction beside its submission. `submitted` and `reproduced` are main scores, None where undefined.

    `within`: whether they differ by at most the tolerance; None where there is nothing to compare. `agreement` is that
    of `scoring.agreement`.
    """

    reproduction: Reproduction
    submitted: float | None
    reproduced: float | None
    difference: float | None
    within: bool | None
    agreement: dict[str, Any]

    @property
    def verdict(self) -> str:
        """In words."""
        if self.within is None:
            return "undefined"
        return "within tolerance" if self.within else "outside tolerance"


def newest_of(submission_ids: Iterable[UUID]) -> dict[UUID, Reproduction]:
    """Submission -> its newest reproduction, in whatever state."""
    rows = Reproduction.objects.filter(submission__in=list(submission_ids)).select_related("evaluation", "uploaded_by")
    return {row.submission_id: row for row in rows.order_by("created_at")}


def comparison_of(reproduction: Reproduction, *, tolerance: float, private: bool) -> Comparison | None:
    """What a finished reproduction says, `private`: on the private part of the key. None before a worker is done."""
    evaluation, result = reproduction.evaluation, reproduction.result
    if reproduction.state != State.DONE or evaluation is None or result is None:
        return None
    before = evaluation.private_result if private else evaluation.result
    after = result["private_scores"] if private else result["scores"]
    submitted, reproduced = ((found or {}).get("main") for found in (before, after))
    difference = None if submitted is None or reproduced is None else reproduced - submitted
    return Comparison(
        reproduction=reproduction,
        submitted=submitted,
        reproduced=reproduced,
        difference=difference,
        within=_within(submitted, reproduced, tolerance),
        agreement=result["agreement"],
    )


def _within(submitted: float | None, reproduced: float | None, tolerance: float) -> bool | None:
    if submitted is None and reproduced is None:
        return None
    if submitted is None or reproduced is None:
        return False
    gap = abs(reproduced - submitted)
    return gap <= tolerance or math.isclose(
        gap, tolerance, rel_tol=1e-9
    )  # the subtraction's own rounding decides nothing
