"""What a receipt that somebody shows is worth: the signature for everybody, a comparison for those who may see more.

Anybody may check any receipt. What this server has stored is compared only with receipts that the viewer could
download, and only the names of what differs are told.
"""

import dataclasses
import json
from typing import Any
from uuid import UUID

from challenge.contests.access import Viewer
from challenge.receipts.access import visible_scored_receipts
from challenge.receipts.models import Receipt
from challenge.receipts.services import public_keys
from challenge.submissions.access import visible_submissions
from scoring.receipts import InvalidReceipt, Verdict, differences, read, read_keys, verify


@dataclasses.dataclass(frozen=True)
class Finding:
    """The verdict on a receipt; `differing` names what is not as in the issued one, `notes` are further sentences."""

    verdict: Verdict
    differing: list[str]
    notes: list[str]

    @property
    def says(self) -> list[tuple[str, str]]:
        """The receipt's content for people, nested names with a dot between."""
        return _flat(self.verdict.document)


def _flat(document: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in document.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value)))
    return found


def examine(content: bytes, user: Viewer) -> Finding:
    """Check the receipt in `content`; never raises for what is in it."""
    try:
        verdict = verify(read(content), read_keys(public_keys()))
    except InvalidReceipt as error:
        return Finding(Verdict(False, str(error)), [], [])
    issued = _issued(verdict.document, user)
    if issued is None:
        hidden = "Those who may see the submission learn here what was changed." if verdict.document else ""
        return Finding(verdict, [], [hidden] if hidden and not verdict.genuine else [])
    if not verdict.genuine:
        return Finding(verdict, differences(issued.document, verdict.document), [])
    return Finding(verdict, [], _since(issued))


def _issued(document: dict[str, Any], user: Viewer) -> Receipt | None:
    """The receipt of this server that `document` claims to be, if `user` may have it."""
    try:
        submission = visible_submissions(user).get(pk=UUID(str(document.get("submission"))))
        if document.get("kind") == Receipt.Kind.ACCEPTED:
            return Receipt.objects.filter(submission=submission, kind=Receipt.Kind.ACCEPTED).first()
        receipts = visible_scored_receipts(user, submission).select_related("evaluation")
        return receipts.filter(evaluation=UUID(str(document.get("evaluation")))).first()
    except (ValueError, visible_submissions(user).model.DoesNotExist):
        return None


def _since(issued: Receipt) -> list[str]:
    evaluation = issued.evaluation
    if evaluation is None:
        return []
    if evaluation.is_current:
        return ["This score is in force."]
    return ["Another score has come into force since; the page of the submission has the history."]
