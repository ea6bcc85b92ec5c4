"""Files beside a fact sheet: which are taken. They are stored as all private files are, and served as attachments."""

from __future__ import annotations

from typing import IO, Any, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from challenge.accounts.models import User
from challenge.core.downloads import safe_file_name
from challenge.core.storage import sha256_of
from challenge.reports.models import Attachment
from challenge.submissions.intake import SubmissionRefused, require_room

# What a file begins with, by the ending of its name. Nobody but its team and the organisers is ever sent one.
BEGINNINGS = {".pdf": (b"%PDF-",), ".zip": (b"PK\x03\x04",)}


class FileRefused(Exception):
    """The file is not taken; the text says why and what to do."""


def check(upload: UploadedFile[Any]) -> None:
    """Raise FileRefused unless the file is a PDF or a zip by name and by content, and not too large."""
    name = safe_file_name(upload.name or "").lower()
    beginnings = next((found for ending, found in BEGINNINGS.items() if name.endswith(ending)), None)
    limit = settings.MAX_FACT_SHEET_FILE_BYTES
    if beginnings is None:
        raise FileRefused("Attach a PDF or a zip; its name ends in .pdf or .zip.")
    if (upload.size or 0) > limit:
        raise FileRefused(f"The file is larger than {limit / 10**6:g} MB. Put large weights behind the code link.")
    upload.seek(0)
    if not upload.read(8).startswith(beginnings):
        raise FileRefused(f"The file is called {name.rpartition('.')[2]}, but its content is something else.")
    upload.seek(0)
    try:
        require_room(upload)
    except SubmissionRefused as refused:
        raise FileRefused(str(refused)) from refused


def stored(upload: UploadedFile[Any], user: User) -> Attachment:
    """Check the file and store it durably; its row is of no sheet yet and not saved. Raises FileRefused."""
    check(upload)
    attachment = Attachment(
        name=safe_file_name(upload.name or "")[-200:],
        size=upload.size or 0,
        sha256=sha256_of(cast(IO[bytes], upload.file)),
        uploaded_by=user,
    )
    attachment.file.save(str(attachment.pk), upload, save=False)
    return attachment


def forget(attachment: Attachment | None) -> None:
    """Delete the stored bytes of a file whose row is gone, or never was."""
    if attachment is not None:
        attachment.file.storage.delete(str(attachment.file.name))
