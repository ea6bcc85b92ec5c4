"""A study's ratings as tables: raw with everything that was recorded, or the four columns that `scoring mos` reads.

No address, no account and no link of a subject is in any of them: a subject is its number.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from challenge.study.models import Rating, RatingSession, Study, Subject, Trial
from challenge.study.preparations import summaries
from scoring.ratings import COLUMNS as MOS_COLUMNS

RAW_COLUMNS = (
    *MOS_COLUMNS,
    *("kind", "counts", "attempt", "position", "flag", "rating_id", "supersedes"),
    *("input", "response_ms", "first_ms", "was_hidden", "client_at", "received_at"),
)
PREPARATIONS = ("display", "acuity", "colour", "training")
RECORDED_COLUMNS = (*RAW_COLUMNS, *(f"{kind}_check" if kind != "training" else kind for kind in PREPARATIONS))


def counting_ratings(study: Study) -> QuerySet[Rating]:
    """The scores that go into the MOS: of images that count, not superseded, of sessions that are not set aside."""
    return Rating.objects.filter(
        trial__session__subject__study=study,
        trial__kind=Trial.Kind.MAIN,
        is_superseded=False,
        value__isnull=False,
    ).exclude(trial__session__state=RatingSession.State.SET_ASIDE)


def mos_rows(study: Study) -> Iterator[tuple[str, str, str, float]]:
    """(subject, image, session, rating), where session is the group of images."""
    rows = counting_ratings(study).values_list(
        "trial__session__subject__number", "trial__image__name", "trial__session__group", "value"
    )
    codes = _codes(study)
    for subject, image, group, value in rows.order_by(
        "trial__session__subject__number", "trial__session__group", "trial__position"
    ).iterator(5000):
        yield codes[subject], image, str(group), float(value or 0)  # never None: counting_ratings leaves flags out


def raw_rows(study: Study) -> Iterator[tuple[Any, ...]]:
    """Every answer ever given, in the order of RAW_COLUMNS; `rating` is empty where a flag was given."""
    rows = Rating.objects.filter(trial__session__subject__study=study).values_list(
        *("trial__session__subject__number", "trial__image__name", "trial__session__group", "value"),
        *("trial__kind", "is_superseded", "trial__session__state", "trial__session__number", "trial__position"),
        *("flag", "id", "supersedes", "input", "response_ms", "first_ms", "was_hidden", "client_at", "received_at"),
    )
    codes = _codes(study)
    order = ("trial__session__subject__number", "trial__session__number", "trial__position", "received_at", "pk")
    for row in rows.order_by(*order).iterator(5000):
        subject, image, group, value, kind, superseded, state, number, *rest = row
        counts = (
            kind == Trial.Kind.MAIN and not superseded and state != RatingSession.State.SET_ASIDE and value is not None
        )
        cells = (codes[subject], image, str(group), value, kind, counts, number, *rest)
        yield tuple(cell.isoformat() if hasattr(cell, "isoformat") else cell for cell in cells)


def recorded_rows(study: Study) -> Iterator[tuple[Any, ...]]:
    """The rows of `raw_rows`, each with what its subject's last checks and training came to (RECORDED_COLUMNS).

    They are not archived: what they say of somebody's eyes goes when the subject withdraws.
    """
    codes = _codes(study)
    texts = {
        codes[number]: {kind: one["text"] for kind, one in own.items()} for number, own in summaries(study).items()
    }
    for row in raw_rows(study):
        own = texts.get(row[0], {})
        yield (*row, *(own.get(kind, "") for kind in PREPARATIONS))


def _codes(study: Study) -> dict[int, str]:
    return {subject.number: subject.code for subject in Subject.objects.filter(study=study)}


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """CSV as programs read it: texts as they are, None empty, floats with all their digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue().encode()


def parquet_bytes(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """The table as Parquet, each column of the type that its values have; None is null.

    Raises ModuleNotFoundError without pyarrow, which the set of the web server does not have.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = list(zip(*rows, strict=True)) or [()] * len(header)
    table = pa.table({name: _plain(values) for name, values in zip(header, columns, strict=True)})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _plain(values: Sequence[Any]) -> list[Any]:
    """Ids as text."""
    return [str(value) if isinstance(value, UUID) else value for value in values]


def counting_in_archive(content: bytes, without: frozenset[str]) -> Iterator[tuple[str, str, str, float]]:
    """The rows of `mos_rows` from an archived raw table, but for the subjects that have withdrawn since."""
    for row in csv.DictReader(io.StringIO(content.decode(), newline="")):
        if row["counts"] == "True" and row["subject"] not in without:
            yield row["subject"], row["image"], row["session"], float(row["rating"])
