"""Every write to fact sheets and their collection (reproductions have their own module).

The row of the team is locked by whoever writes its sheet: of two forms that were filled at the same time, the second
finds another version and is told so. What comes after the collection has closed is refused, whenever it was begun.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.contests.access import registration_of
from challenge.contests.models import Phase, Team
from challenge.reports import attachments
from challenge.reports.completeness import missing
from challenge.reports.models import Attachment, Author, Collection, FactSheet, SheetSave
from challenge.reports.prefill import owes_sheet

DRAFT, SUBMITTED = FactSheet.Status.DRAFT, FactSheet.Status.SUBMITTED
FIELDS = (
    *("team_title", "method_name", "description", "runtime_s", "device", "parameters_m", "training_data", "extra_data"),
    *("ensemble", "ensemble_details", "code_url"),
    *("reference_title", "reference_authors", "reference_venue", "reference_year"),
)
AUTHOR_FIELDS = ("name", "affiliation", "email")


class SheetRefused(Exception):
    """The sheet was not saved or submitted; the text says why. `code` is for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SheetStale(SheetRefused):
    """Somebody has saved the sheet since the form was made; `sheet` is as it is now."""

    def __init__(self, sheet: FactSheet) -> None:
        who = sheet.saved_by.username if sheet.saved_by else "somebody"
        super().__init__("stale_sheet", f"{who} has saved this sheet at {sheet.saved_at:%Y-%m-%d %H:%M:%S} UTC.")
        self.sheet = sheet


def collection_of(phase: Phase) -> Collection | None:
    """What is collected in the phase; None: nothing yet."""
    return Collection.objects.filter(phase=phase).first()


@transaction.atomic
def collect(
    *, phase: Phase, closes_at: datetime.datetime | None, tolerance: float, actor: User, is_open: bool | None = None
) -> Collection:
    """Begin to collect fact sheets, or change until when, and the tolerance of reproductions.

    `is_open`: close or reopen at once; None: as it is. Reopening drops a deadline that has passed.
    """
    Phase.objects.select_for_update(no_key=True).get(pk=phase.pk)
    collection = collection_of(phase) or Collection(phase=phase)
    before = {} if collection.pk is None else _settings(collection)
    collection.closes_at, collection.tolerance = closes_at, tolerance
    if is_open is not None:
        collection.is_open = is_open
    if is_open and closes_at and closes_at <= timezone.now():
        collection.closes_at = None
    collection.save()
    if before != _settings(collection):
        record(actor, Act.FACT_SHEETS, phase, challenge=phase.challenge, before=before, after=_settings(collection))
    return collection


def _settings(collection: Collection) -> dict[str, Any]:
    return {name: getattr(collection, name) for name in ("is_open", "closes_at", "tolerance")}


def save_sheet(
    *,
    phase: Phase,
    user: User,
    version: int,
    values: Mapping[str, Any],
    authors: Sequence[Mapping[str, str]],
    upload: UploadedFile[Any] | None = None,
    removed: Iterable[Any] = (),
) -> FactSheet:
    """Save the sheet of `user`'s team: `values` (checked, by FIELDS), its authors, a new file, without `removed` ones.

    `version` is that of the sheet which the values replace; 0: there was none. A submitted sheet becomes a draft again;
    what changes nothing leaves it as it is. Raises SheetRefused, SheetStale and `attachments.FileRefused`.
    """
    new = attachments.stored(upload, user) if upload else None
    with transaction.atomic():
        try:
            sheet = _version_of(phase, _locked_team(phase, user), version)
            is_kept = _save(sheet, user, values, authors, new=new, removed=removed)
        except BaseException:
            attachments.forget(new)
            raise
    if not is_kept:
        attachments.forget(new)
    return sheet


def submit_sheet(*, phase: Phase, user: User, version: int) -> FactSheet:
    """Say that the sheet of `user`'s team is done. Raises SheetRefused where something is missing, and SheetStale."""
    with transaction.atomic():
        team = _locked_team(phase, user)
        sheet = _version_of(phase, team, version)
        lacking = missing(sheet) if sheet.version else ["everything: save the sheet first"]
        if lacking:
            raise SheetRefused("incomplete_sheet", f"The sheet still lacks {'; '.join(lacking)}.")
        if not sheet.is_submitted:
            sheet.status, sheet.submitted_at = SUBMITTED, timezone.now()
            _saved(sheet, user, "submitted")
    return sheet


def _locked_team(phase: Phase, user: User) -> Team:
    """The team of `user`, its row locked, once everything that has to do with who and when is right."""
    registration = registration_of(user, phase.challenge)
    if registration is None:
        raise SheetRefused("not_registered", "Only members of a team fill in its fact sheet.")
    if registration.owes_consent:
        raise SheetRefused("terms_changed", "The terms have changed. Read and accept them on the site first.")
    team = Team.objects.select_for_update().get(pk=registration.team.pk)
    now = registration_of(user, phase.challenge)
    if now is None or now.team_id != team.pk:  # left, removed or merged just now
        raise SheetRefused("team_changed", "Your team has changed meanwhile. Open the sheet again.")
    collection = collection_of(phase)
    if collection is None or not collection.takes_sheets:
        raise SheetRefused("sheets_closed", "The organisers do not collect fact sheets of this phase at the moment.")
    if not owes_sheet(team, phase):
        raise SheetRefused(
            "no_scored_submission", "Your team has no scored submission in this phase that came in time."
        )
    return team


def _version_of(phase: Phase, team: Team, version: int) -> FactSheet:
    """The team's sheet, a new one (of version 0) where there is none. Raises SheetStale if it is not that version."""
    sheet = FactSheet.objects.select_related("saved_by").filter(phase=phase, team=team).first()
    if sheet is None:
        return FactSheet(phase=phase, team=team, version=0)
    if sheet.version != version:
        raise SheetStale(sheet)
    return sheet


def _changed(sheet: FactSheet, values: Mapping[str, Any], authors: Sequence[Mapping[str, str]]) -> list[str]:
    changed = [name.replace("_", " ") for name in FIELDS if name in values and getattr(sheet, name) != values[name]]
    had = list(sheet.authors.values(*AUTHOR_FIELDS)) if sheet.version else []
    return changed if had == [dict(author) for author in authors] else [*changed, "authors"]


def _save(
    sheet: FactSheet,
    user: User,
    values: Mapping[str, Any],
    authors: Sequence[Mapping[str, str]],
    *,
    new: Attachment | None,
    removed: Iterable[Any],
) -> bool:
    """Write what differs; whether the new file is kept, which a second copy of one that is there is not."""
    unwanted = set(map(str, removed))
    there = list(sheet.attachments.all()) if sheet.version else []
    gone = [file for file in there if str(file.pk) in unwanted]
    is_new = new is not None and new.sha256 not in {file.sha256 for file in there if file not in gone}
    if is_new and len(there) - len(gone) >= settings.MAX_FACT_SHEET_FILES:
        raise attachments.FileRefused(
            f"A sheet has at most {settings.MAX_FACT_SHEET_FILES} files. Remove one, or put them into one zip."
        )
    changes = [*_changed(sheet, values, authors), *(f"without {file.name}" for file in gone)]
    changes += [f"file {new.name}"] if new and is_new else []
    if changes or not sheet.version:
        _write(sheet, user, values, authors, changes)
    for file in gone:
        file.delete()
        transaction.on_commit(functools.partial(attachments.forget, file), robust=True)
    if new and is_new:
        new.sheet = sheet
        new.save(force_insert=True)
    return is_new


def _write(
    sheet: FactSheet,
    user: User,
    values: Mapping[str, Any],
    authors: Sequence[Mapping[str, str]],
    changes: Sequence[str],
) -> None:
    for name in FIELDS:
        if name in values:
            setattr(sheet, name, values[name])
    sheet.status, sheet.submitted_at = DRAFT, None
    _saved(sheet, user, f"saved: {', '.join(changes) or 'as it was filled in'}")
    sheet.authors.all().delete()
    Author.objects.bulk_create(
        Author(sheet=sheet, position=position, **author) for position, author in enumerate(authors)
    )


def _saved(sheet: FactSheet, user: User, what: str) -> None:
    sheet.version += 1
    sheet.saved_at, sheet.saved_by = timezone.now(), user
    sheet.save()
    SheetSave.objects.create(sheet=sheet, version=sheet.version, what=what[:200], user=user, at=sheet.saved_at)


def follow_merger(gone: Team, team: Team) -> None:
    """A team that was taken in brings its sheets along, for phases where the other has none. The caller locks both."""
    have = FactSheet.objects.filter(team=team).values("phase")
    FactSheet.objects.filter(team=gone).exclude(phase__in=have).update(team=team)


def authors_of(user: User) -> QuerySet[Author]:
    """The rows of authors that bear a confirmed address of `user`: what sheets say about that person."""
    confirmed = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    addresses = [address.lower() for address in confirmed]
    return Author.objects.annotate(lower=Lower("email")).filter(lower__in=addresses)


def forget_sheets(team: Team) -> None:
    """Delete what a team without members has said about itself, with its files."""
    for file in Attachment.objects.filter(sheet__team=team):
        transaction.on_commit(functools.partial(attachments.forget, file), robust=True)
    FactSheet.objects.filter(team=team).delete()
