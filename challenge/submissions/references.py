"""Reference rows that are made again: of those with one name the newest counts, once it is scored."""

from __future__ import annotations

import datetime
from typing import IO, Any, cast

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from challenge.accounts.models import User
from challenge.contests.models import Phase
from challenge.core.storage import sha256_of
from challenge.submissions.intake import Method, receive_reference
from challenge.submissions.models import Submission
from challenge.submissions.states import Status

OUT = (Status.FAILED, Status.WITHDRAWN)


def replace_reference(*, phase: Phase, upload: UploadedFile[Any], method: Method, actor: User | None) -> Submission:
    """The reference row of that name with this file: the newest one if it has this very file, else a new one.

    The phase's row is locked, so that two workers with one result make one row. Raises SubmissionRefused.
    """
    digest = sha256_of(cast(IO[bytes], upload.file))
    with transaction.atomic():
        Phase.objects.select_for_update(no_key=True).get(pk=phase.pk)
        rows = Submission.objects.filter(phase=phase, kind=Submission.Kind.REFERENCE, method_name=method.name)
        newest = rows.exclude(status__in=OUT).order_by("-received_at").first()
        if newest and newest.sha256 == digest:
            return newest
        return receive_reference(phase=phase, upload=upload, method=method, actor=actor)


def replaced(before: datetime.datetime | None = None, path: str = "") -> Q:
    """Evaluations, reached by `path`, of reference rows for which a newer one of the same phase and name is scored.

    `before`: of what was received before that moment only.
    """
    submission = f"{path}submission__"
    newer = Submission.objects.filter(
        team=None,  # of reference rows only, and in the index of boards
        status=Status.SCORED,
        phase=OuterRef(f"{submission}phase"),
        method_name=OuterRef(f"{submission}method_name"),
        received_at__gt=OuterRef(f"{submission}received_at"),
    ).exclude(method_name="")
    if before:
        newer = newer.filter(received_at__lt=before)
    return Q(**{f"{submission}kind": Submission.Kind.REFERENCE}) & Q(Exists(newer))
