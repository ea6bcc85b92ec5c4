"""Issuing receipts, and comparing one that somebody shows with the one that was issued.

Accepted receipts are signed where files are accepted (RECEIPT_ACCEPTED_KEY_FILE, the web server's), scored receipts
where scores are computed (RECEIPT_SCORED_KEY_FILE, the workers'). A process without its key, or with a broken one,
still accepts and scores; what is missing is signed later: an accepted receipt when somebody asks for it, scored ones by
`manage.py sign_receipts` in a worker.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.utils import timezone

from challenge.receipts.models import Receipt
from challenge.submissions.models import Evaluation, Submission
from scoring.receipts import VERSION, canonical, sign

log = structlog.get_logger(__name__)

METRICS = ("main", "srocc", "krocc", "plcc", "rmse", "pearson", "plcc_logistic4")


def issue_accepted(submission: Submission) -> Receipt | None:
    """Sign that the file of `submission` was accepted; None, with a log line, where this process cannot sign."""
    return _issue(Receipt.Kind.ACCEPTED, settings.RECEIPT_ACCEPTED_KEY_FILE, submission, None, _slots(submission))


def issue_scored(evaluation: Evaluation) -> Receipt | None:
    """Sign what `evaluation` gave; None, with a log line, where this process cannot sign."""
    key = evaluation.answer_key
    found = {
        "evaluation": str(evaluation.pk),
        "answer_key": {"version": key.version, "sealed_sha256": key.sealed_sha256},
        "scorer_version": evaluation.scorer_version,
        "formula": evaluation.formula,
        "scores": {metric: evaluation.result.get(metric) for metric in METRICS},
        "images": evaluation.result.get("n"),
        "scored_at": evaluation.created_at.isoformat(),
    }
    return _issue(Receipt.Kind.SCORED, settings.RECEIPT_SCORED_KEY_FILE, evaluation.submission, evaluation, found)


def accepted_receipt(submission: Submission) -> Receipt | None:
    """The receipt for the file; issued now where that was not possible when the file came."""
    found = Receipt.objects.filter(submission=submission, kind=Receipt.Kind.ACCEPTED).first()
    return found or issue_accepted(submission)


def public_keys() -> bytes:
    """The list of public keys (JSON), with former ones; an empty list where this server signs no receipts."""
    path = settings.RECEIPT_PUBLIC_KEYS_FILE
    try:
        return Path(path).read_bytes() if path else b'{"keys": []}'
    except OSError as error:
        log.error("the list of receipt keys cannot be read", path=path, error=error.strerror)
        return b'{"keys": []}'


def _issue(
    kind: Receipt.Kind, key_file: str, submission: Submission, evaluation: Evaluation | None, found: dict[str, Any]
) -> Receipt | None:
    seed = _seed(key_file)
    if seed is None:
        return None
    document = {**_facts(submission), **found, "kind": kind.value, "issued_at": timezone.now().isoformat()}
    signed, signature = sign(document, seed)
    text = canonical(signed).decode()
    values = {"submission": submission, "evaluation": evaluation, "kind": kind}
    receipt, _ = Receipt.objects.get_or_create(**values, defaults={"text": text, "signature": signature})
    return receipt


def _seed(path: str) -> bytes | None:
    try:
        seed = Path(path).read_bytes() if path else b""
    except OSError as error:
        log.error("no receipt: the signing key cannot be read", path=path, error=error.strerror)
        return None
    if len(seed) != 32:
        log.error("no receipt: this process has no signing key of 32 bytes", path=path)
        return None
    return seed


def _facts(submission: Submission) -> dict[str, Any]:
    """What both kinds say about the file."""
    phase = submission.phase
    return {
        "version": VERSION,
        "site": settings.SITE_URL,
        "challenge": phase.challenge.slug,
        "phase": phase.slug,
        "submission": str(submission.pk),
        "team": submission.label,
        "file_name": submission.file_name,
        "sha256": submission.sha256,
        "received_at": submission.received_at.isoformat(),
    }


def _slots(submission: Submission) -> dict[str, Any]:
    return {
        "file_size": submission.file_size,
        "rows": submission.rows,
        "quota": {
            "day": submission.quota_day.isoformat(),
            "day_slot": submission.day_slot,
            "phase_slot": submission.phase_slot,
        },
    }
