"""Everything the site holds about one person, as a zip for that person (GDPR, articles 15 and 20).

`account.json` has the rows, `submissions/` the prediction files the person sent. What the person may not see on the
site is not in it: no secret of a token, a second factor or a password, and no score of a blind phase.
"""

import json
import shutil
import tempfile
import zipfile
from pathlib import PurePosixPath
from typing import IO, Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q, QuerySet
from django.utils import timezone

from challenge.accounts.models import User
from challenge.contests.records import TeamEvent
from challenge.core.storage import CHUNK_BYTES
from challenge.reports.models import SheetSave
from challenge.reports.services import AUTHOR_FIELDS, authors_of
from challenge.study.records import Preparation
from challenge.submissions.models import Submission, SubmissionEvent
from challenge.submissions.results import full_result, visible_evaluations

ACCOUNT_FIELDS = ("username", "email", "first_name", "last_name", "date_joined", "last_login")
SUBMISSION_FIELDS = (
    *("id", "status", "method_name", "description", "runtime_s", "device", "extra_data", "is_chosen"),
    *("file_name", "file_size", "sha256", "rows", "warnings", "received_at", "created_at", "finished_at"),
    *("idempotency_key", "quota_day", "day_slot", "phase_slot", "refund_reason", "failure"),
)


class NoRoom(Exception):
    """The server has no room for the archive at the moment."""


def export_account(user: User) -> IO[bytes]:
    """A temporary file with the zip, at its beginning; it goes when it is closed. Raises NoRoom."""
    submissions = list(user.submissions.select_related("phase__challenge", "team"))
    free = shutil.disk_usage(settings.FILE_UPLOAD_TEMP_DIR).free
    if free - sum(row.file_size for row in submissions) < settings.MIN_FREE_DISK_BYTES:
        raise NoRoom
    # The suffix is that of uploads: what a killed process leaves there is removed after a day.
    archive = tempfile.NamedTemporaryFile(suffix=".upload", dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("account.json", json.dumps(describe(user, submissions), cls=DjangoJSONEncoder, indent=1))
        for row in submissions:
            _pack_file(packed, row)
    archive.seek(0)
    return archive


def _pack_file(packed: zipfile.ZipFile, row: Submission) -> None:
    name = PurePosixPath(row.file_name.replace("\\", "/")).name or "predictions.csv"
    with (
        row.file.storage.open(str(row.file.name)) as content,
        packed.open(f"submissions/{row.pk}/{name}", "w") as target,
    ):
        shutil.copyfileobj(content, target, CHUNK_BYTES)


def describe(user: User, submissions: list[Submission]) -> dict[str, Any]:
    """The rows about `user` and `submissions` as plain values; times are ISO 8601 in UTC once they are JSON."""
    team_events = TeamEvent.objects.filter(Q(actor=user) | Q(member=user))
    return {
        "site": settings.SITE_NAME,
        "exported_at": timezone.now(),
        "account": {field: getattr(user, field) for field in ACCOUNT_FIELDS},
        "email_addresses": _rows(EmailAddress.objects.filter(user=user), "email", "verified", "primary"),
        "second_factors": _rows(Authenticator.objects.filter(user=user), "type", "created_at", "last_used_at"),
        "accounts_elsewhere": _rows(SocialAccount.objects.filter(user=user), "provider", "uid", "extra_data"),
        "api_tokens": _rows(user.api_tokens.all(), "name", "scopes", "created_at", "expires_at", "last_used_at"),
        "registrations": [_registration(row) for row in user.registrations.select_related("challenge", "team")],
        "team_events": _rows(
            team_events, "team__name", "at", "action", "actor__username", "member__username", "detail"
        ),
        "submissions": _submissions(user, submissions),
        "submission_events": _rows(
            SubmissionEvent.objects.filter(actor=user), "submission", "at", "from_status", "to_status", "reason"
        ),
        "organises": list(user.organised_challenges.values_list("slug", flat=True)),
        "administration": _rows(LogEntry.objects.filter(user=user), "action_time", "object_repr", "change_message"),
        "studies": _rows(
            user.study_subjects.all(),
            "study__title",
            "number",
            "language",
            "consented_at",
            "consent_version",
            "answers",
        ),
        "study_checks": _rows(
            Preparation.objects.filter(subject__user=user),
            *("subject__study__title", "kind", "display", "result", "passed", "started_at", "finished_at"),
        ),
        "fact_sheet_saves": _rows(SheetSave.objects.filter(user=user), "sheet__phase__slug", "version", "what", "at"),
        "fact_sheet_authors": _rows(authors_of(user), "sheet__phase__slug", *AUTHOR_FIELDS),
        "messages": _rows(user.messages.all(), "created_at", "subject", "body"),
        "notifications": _rows(
            user.notifications.all(),
            "at",
            "notice__kind",
            "notice__title",
            "notice__text",
            "in_site",
            "mail",
            "read_at",
        ),
        "notification_settings": _rows(user.wishes.all(), "kind", "in_site", "mail"),
        "digests": _rows(user.digests.all(), "day"),
        "questions": _rows(
            user.questions.all(),
            *("challenge__slug", "created_at", "text", "shows_team", "is_published", "answer", "answered_at"),
        ),
        "announcements": _rows(user.announcements.all(), "challenge__slug", "published_at", "title", "text"),
    }


def _rows(rows: QuerySet[Any], *fields: str) -> list[dict[str, Any]]:
    return list(rows.values(*fields))


def _registration(row: Any) -> dict[str, Any]:
    return {
        "challenge": row.challenge.slug,
        "team": row.team.name if row.team else None,
        "status": row.status,
        "answers": row.answers,
        "terms_version": row.terms_version,
        "terms_accepted_at": row.terms_accepted_at,
        "created_at": row.created_at,
        "events": _rows(row.events.all(), "at", "from_status", "to_status", "reason"),
    }


def _submissions(user: User, submissions: list[Submission]) -> list[dict[str, Any]]:
    visible = visible_evaluations(user, submissions)
    described = []
    for row in submissions:
        evaluation = visible.get(row.pk)
        described.append(
            {
                "challenge": row.phase.challenge.slug,
                "phase": row.phase.slug,
                "team": row.label,
                **{field: getattr(row, field) for field in SUBMISSION_FIELDS},
                "result": full_result(evaluation) if evaluation else None,
                "events": _rows(row.events.all(), "at", "from_status", "to_status", "reason"),
            }
        )
    return described
