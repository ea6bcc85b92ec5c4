"""Which data files were downloaded, by whom, how often: one row per download that was started."""

import datetime
from collections.abc import Iterator
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F

from challenge.contests.access import Viewer
from challenge.contests.models import Challenge
from challenge.datasets.models import DataFileVersion, Download

RESUMED_WITHIN = datetime.timedelta(hours=1)
COLUMNS = ("file", "version", "user", "via", "started_at", "first_byte", "last_request_at", "requests")


@transaction.atomic
def record_download(
    *, version: DataFileVersion, user: Viewer, via: Download.Via, first_byte: int, at: datetime.datetime
) -> Download:
    """Note a request that is being answered with bytes from `first_byte` on.

    A request for a later part within an hour of the last one of the same user and version goes on with that download
    and makes no new row. All visitors without an account count as one user here. The version is locked, so the
    parallel requests of a download manager count once.
    """
    DataFileVersion.objects.select_for_update().get(pk=version.pk)
    who = user if user.is_authenticated else None
    if first_byte > 0:
        recent = version.downloads.filter(user=who, last_request_at__gt=at - RESUMED_WITHIN)
        if (begun := recent.order_by("-last_request_at").first()) is not None:
            recent.filter(pk=begun.pk).update(last_request_at=at, requests=F("requests") + 1)
            begun.refresh_from_db()
            return begun
    return Download.objects.create(
        version=version, user=who, via=via, first_byte=first_byte, started_at=at, last_request_at=at
    )


def download_counts(challenge: Challenge) -> dict[UUID, int]:
    """{file: downloads of all its versions} of the challenge; what nobody has downloaded is missing."""
    rows = Download.objects.filter(version__data_file__challenge=challenge).order_by()
    return dict(rows.values_list("version__data_file").annotate(Count("pk")))


def download_rows(challenge: Challenge) -> Iterator[tuple[object, ...]]:
    """The log of a challenge, oldest first, with the columns COLUMNS."""
    rows = Download.objects.filter(version__data_file__challenge=challenge).select_related("version__data_file", "user")
    for row in rows.order_by("started_at", "pk").iterator(chunk_size=2000):
        yield (
            row.version.data_file.file_name,
            row.version.number,
            row.user.username if row.user else None,
            row.via,
            row.started_at.isoformat(),
            row.first_byte,
            row.last_request_at.isoformat(),
            row.requests,
        )
