"""Every write to datasets, and the two ways to read an answer key: its public names, its hidden values.

`expected_names` works everywhere; `open_answer_key` needs the private key, so it works in scoring workers only.
Both cache per key version: keys are immutable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import IO
from uuid import UUID

from django.core.files.base import ContentFile, File
from django.db import transaction
from django.db.models import Max

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.contests.models import Phase
from challenge.core import work
from challenge.core.storage import sha256_of
from challenge.datasets import sealing, tasks
from challenge.datasets.models import AnswerKey, DataFile, DataFileVersion, KeyCheck, RatingTable
from scoring.answer_key import RESERVED, read_answer_key
from scoring.answer_key import AnswerKey as KeyTable
from scoring.formula import Formula
from scoring.ladder import board_decimals
from scoring.logistic import MIN_ROWS
from scoring.ratings import read_ratings

RESULT_DECIMALS = 4
Scale = tuple[float | None, float | None]


def add_answer_key(*, phase: Phase, content: bytes, actor: User | None, scale: Scale = (None, None)) -> AnswerKey:
    """Check `content` (CSV `name,mos[,subset columns]`), seal it, store it as a new version; a worker checks it then.

    It is not in force yet: `key_check` puts the first keys of a phase there, a rescoring those that come after scores.
    `scale` has the lowest and the highest MOS possible. Raises scoring's InvalidAnswerKey with every error by line. The
    values exist in this process only for the length of the call. Files are stored first; a row that is not committed
    leaves two files that nothing names.
    """
    table = read_answer_key(content)
    sealed = sealing.seal(content)
    with transaction.atomic():
        Phase.objects.select_for_update().get(pk=phase.pk)
        last = AnswerKey.objects.filter(phase=phase).aggregate(last=Max("version"))["last"] or 0
        key = AnswerKey(
            phase=phase,
            version=last + 1,
            sealed_sha256=hashlib.sha256(sealed).hexdigest(),
            rows=len(table.names),
            subset_columns=sorted(table.subsets),
            further_columns=further_columns(table),
            scale_low=scale[0],
            scale_high=scale[1],
            uploaded_by=actor,
        )
        key.sealed.save(f"{key.pk}.sealed", ContentFile(sealed), save=False)
        key.names.save(f"{key.pk}.txt", ContentFile("\n".join(sorted(table.names)).encode()), save=False)
        key.save()
        KeyCheck.objects.create(answer_key=key)
        facts = {"version": key.version, "rows": key.rows, "sealed_sha256": key.sealed_sha256}
        record(actor, Act.KEY_UPLOADED, key, challenge=phase.challenge, after=facts)
        transaction.on_commit(lambda: work.ring(KeyCheck, tasks.check_answer_key, key.pk))
    return key


def put_in_force(key: AnswerKey, actor: User | None = None) -> None:
    """Let `key` decide what is accepted and scored from now on. The caller knows that no score of another key stays.

    The phase's row is locked: whoever stores a score holds the same lock and looks which key is in force.
    """
    with transaction.atomic():
        phase = Phase.objects.select_for_update(no_key=True).get(pk=key.phase_id)
        before = current_answer_key(phase)
        AnswerKey.objects.filter(phase=key.phase_id, is_current=True).exclude(pk=key.pk).update(is_current=False)
        AnswerKey.objects.filter(pk=key.pk).update(is_current=True)
        if before != key:
            record(
                actor,
                Act.KEY_IN_FORCE,
                key,
                challenge=phase.challenge,
                before={"version": before.version if before else None},
                after={"version": key.version},
            )
    key.is_current = True


def reconcile() -> int:
    """Call a worker for keys that wait for their check; how many calls."""
    return work.reconcile(KeyCheck, tasks.check_answer_key)


def further_columns(table: KeyTable) -> list[str]:
    """The columns of a key that further criteria need, and that it has."""
    return [name for name in RESERVED if getattr(table, name, None) is not None and name not in ("name", "mos")]


def columns_lacking(formula: str, columns: Sequence[str]) -> str:
    """Which columns a main-score formula needs that are not among `columns`, as a list for people; "" for none."""
    return ", ".join(name for name in Formula(formula).columns_needed if name not in columns)


def current_answer_key(phase: Phase) -> AnswerKey | None:
    """The key in force, or None while the organisers have not given one."""
    return AnswerKey.objects.filter(phase=phase, is_current=True).first()


def shown_decimals(phase: Phase) -> int:
    """Decimals of shown scores: the organisers' choice, else 4, or with a Ladder what the number of rows supports."""
    if phase.shown_decimals is not None:
        return phase.shown_decimals
    if not phase.is_ladder:
        return RESULT_DECIMALS
    key = current_answer_key(phase)
    # Below MIN_ROWS no correlation is defined, so nothing is shown to any number of decimals.
    return board_decimals(max(MIN_ROWS, round((key.rows if key else 0) * (phase.public_share or 1))))


def result_decimals(phase: Phase) -> int:
    """Decimals of results where those are shown. With a Ladder they show to organisers only, who need no rounding."""
    return RESULT_DECIMALS if phase.is_ladder else shown_decimals(phase)


def expected_names(key: AnswerKey) -> tuple[str, ...]:
    """The names a prediction file must hold, sorted: the order of the key could tell the MOS. Public."""
    return _names(key.pk, key.names.name)


@lru_cache(maxsize=8)
def _names(_key_id: UUID, stored_name: str) -> tuple[str, ...]:
    with AnswerKey._meta.get_field("names").storage.open(stored_name) as stream:
        return tuple(stream.read().decode().split("\n"))


def open_answer_key(key: AnswerKey) -> KeyTable:
    """The hidden values. Raises SealingError in a process without the private key."""
    return _table(key.pk, key.sealed.name, key.sealed_sha256)


@lru_cache(maxsize=4)
def _table(_key_id: UUID, stored_name: str, sha256: str) -> KeyTable:
    with AnswerKey._meta.get_field("sealed").storage.open(stored_name) as stream:
        return read_answer_key(sealing.unseal(_checked(stream.read(), sha256)))


def _checked(sealed: bytes, sha256: str) -> bytes:
    if hashlib.sha256(sealed).hexdigest() != sha256:
        raise sealing.SealingError("The sealed file on disk is not the one that was uploaded.")
    return sealed


def add_rating_table(*, phase: Phase, content: bytes, actor: User | None) -> RatingTable:
    """Check `content` (CSV subject,image,session,rating), seal it, and store it for `phase`.

    Raises scoring's InvalidRatings with every error by line. The ratings exist in this process only for the call.
    """
    ratings = read_ratings(content)
    sealed = sealing.seal(content)
    table = RatingTable(
        phase=phase,
        sealed_sha256=hashlib.sha256(sealed).hexdigest(),
        rows=len(ratings),
        subjects=len(ratings.subjects),
        images=len(ratings.images),
        uploaded_by=actor,
    )
    table.sealed.save(f"{table.pk}.sealed", ContentFile(sealed), save=False)
    with transaction.atomic():
        table.save()
        record(actor, Act.RATINGS_UPLOADED, table, challenge=phase.challenge, after={"rows": table.rows})
    return table


def open_rating_table(table: RatingTable) -> bytes:
    """The CSV. Raises SealingError in a process without the private key."""
    with table.sealed.open("rb") as stream:
        return sealing.unseal(_checked(stream.read(), table.sealed_sha256))


@transaction.atomic
def add_data_file(
    *, data_file: DataFile, content: File[bytes] | IO[bytes], note: str = "", actor: User | None = None
) -> DataFile:
    """Store the unsaved `data_file` with `content` as its first version."""
    data_file.save()
    add_version(data_file=data_file, content=content, note=note, actor=actor)
    return data_file


def add_version(
    *, data_file: DataFile, content: File[bytes] | IO[bytes], note: str = "", actor: User | None = None
) -> DataFileVersion:
    """Store `content` as the next version of `data_file`, with its size and checksum.

    The bytes of the newest version once more make no new one: that version is returned. The file is stored before its
    row; a row that is not committed leaves a file that nothing names.
    """
    stream = content if isinstance(content, File) else File(content)
    sha256 = sha256_of(stream)
    with transaction.atomic():
        DataFile.objects.select_for_update().get(pk=data_file.pk)
        newest = data_file.versions.order_by("-number").first()
        if newest and newest.sha256 == sha256:
            return newest
        version = DataFileVersion(
            data_file=data_file,
            number=newest.number + 1 if newest else 1,
            size=stream.size,
            sha256=sha256,
            note=note,
            uploaded_by=actor,
        )
        version.file.save(f"{version.pk}", stream, save=False)
        version.save()
    return version
