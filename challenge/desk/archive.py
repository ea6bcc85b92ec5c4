"""The prediction files of a challenge as one zip that is made while it is sent: no waiting, no copy on the server."""

import datetime
import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from challenge.core.downloads import safe_file_name
from challenge.core.storage import file_chunks
from challenge.submissions.models import Submission

UNREADABLE = b"The stored file cannot be read.\n"


class _Outbox(io.RawIOBase):
    """Where ZipFile writes; `take` gives what came since. It cannot seek, so entries carry their sizes behind them."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any) -> int:
        """Keep the bytes of `data` until they are taken."""
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def archived(submissions: Iterable[Submission]) -> Iterator[bytes]:
    """The bytes of a zip with the stored file of each submission, as it was sent, under a name of its own.

    Names are `phase/team/moment-id-name of the file`; reference rows are in the folder `reference rows`. Of a file
    that cannot be read there is a text of the same name that says so: one lost file does not cost the others.
    """
    outbox = _Outbox()
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for submission in submissions:
            yield from _packed(archive, outbox, submission)
    yield outbox.take()


def _packed(archive: zipfile.ZipFile, outbox: _Outbox, submission: Submission) -> Iterator[bytes]:
    try:
        stored = submission.file.storage.open(str(submission.file.name))
    except OSError:
        archive.writestr(f"{_name(submission)}.unreadable.txt", UNREADABLE)
        yield outbox.take()
        return
    with stored, archive.open(_name(submission), "w", force_zip64=True) as entry:
        for chunk in file_chunks(stored):
            entry.write(chunk)
            yield outbox.take()


def _name(submission: Submission) -> str:
    folder = safe_file_name(submission.team.name) if submission.team else "reference rows"
    received = submission.received_at.astimezone(datetime.UTC)
    moment = f"{received:%Y-%m-%dT%H%M%SZ}"
    return f"{submission.phase.slug}/{folder}/{moment}-{submission.pk.hex[:8]}-{safe_file_name(submission.file_name)}"
