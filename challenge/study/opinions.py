"""Writes around opinion scores: asking for them, storing them, sending them on, archiving ratings, reconciling."""

import hashlib
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from challenge.accounts.models import User
from challenge.contests.models import Phase
from challenge.core import work
from challenge.study import tasks
from challenge.study.exports import RAW_COLUMNS, csv_bytes, mos_rows, raw_rows
from challenge.study.models import Rating, Study
from challenge.study.records import FigureRun, OpinionRun, Publication, SealedRatings, StudyEvent
from challenge.study.setup import ChangeRefused, locked, note, store_sealed
from scoring.ratings import InvalidRatings, read_ratings


@transaction.atomic
def ask_for_scores(study: Study, options: dict[str, Any], actor: User) -> OpinionRun:
    """Let a worker compute opinion scores from the ratings there are. Raises ChangeRefused where there are none."""
    study = locked(study)
    if not study.sealed_ratings.exists() and not any(True for _ in mos_rows(study)):
        raise ChangeRefused("There are no ratings yet.")
    last = study.opinion_runs.aggregate(last=Max("number"))["last"] or 0
    run = OpinionRun.objects.create(study=study, number=last + 1, started_by=actor, **options)
    transaction.on_commit(lambda: work.ring(OpinionRun, tasks.compute_scores, run.pk))
    return run


@transaction.atomic
def publish(
    run: OpinionRun, *, target: str, images: bytes, phase: Phase | None, title: str, actor: User
) -> Publication:
    """Let a worker put the scores of `images` (CSV `name[,subset columns]`) where they belong. Raises ChangeRefused."""
    if run.state != work.State.DONE:
        raise ChangeRefused("These scores are not computed yet.")
    made = Publication(run=run, target=target, phase=phase, title=title, asked_by=actor)
    made.images.save(f"{made.pk}.csv", ContentFile(images), save=False)
    made.save()
    note(run.study, StudyEvent.Action.PUBLISHED, actor, f"scores {run.number} as {made.get_target_display().lower()}")
    transaction.on_commit(lambda: work.ring(Publication, tasks.publish_scores, made.pk))
    return made


@transaction.atomic
def archive(study: Study, actor: User) -> SealedRatings:
    """Seal every rating and take it out of this database, with the tables of scores that organisers could read.

    From here on workers alone can compute and send on scores. Raises ChangeRefused unless the study is closed and has
    ratings. Backups that were made before hold what they held.
    """
    row = locked(study)
    if row.state != Study.State.CLOSED or row.archived_at:
        raise ChangeRefused("Close the study first." if not row.archived_at else "The ratings are archived already.")
    try:
        counts = read_ratings(list(mos_rows(row)), scale=(row.scale_low, row.scale_high))
    except InvalidRatings:
        raise ChangeRefused("There are no ratings to archive.") from None
    if OpinionRun.objects.filter(study=row, state__in=(work.State.WAITING, work.State.RUNNING)).exists():
        raise ChangeRefused("Opinion scores are being computed. Wait until they are done.")
    content = csv_bytes(RAW_COLUMNS, raw_rows(row))
    sealed = store_sealed(row, SealedRatings.Kind.ARCHIVE, content, counts, actor=actor)
    Rating.objects.filter(trial__session__subject__study=row).delete()
    for run in row.opinion_runs.exclude(table=""):
        storage, name = run.table.storage, str(run.table.name)
        OpinionRun.objects.filter(pk=run.pk).update(table="")
        transaction.on_commit(lambda storage=storage, name=name: storage.delete(name))  # type: ignore[misc]
    Study.objects.filter(pk=row.pk).update(archived_at=timezone.now())
    return sealed


@transaction.atomic
def ask_for_figures(
    run: OpinionRun, *, table: bytes, attributes: bytes, length: str, all_configurations: bool, actor: User
) -> FigureRun:
    """Let a worker compute the figures of these scores. Raises ChangeRefused before there are any."""
    if run.state != work.State.DONE:
        raise ChangeRefused("These scores are not computed yet.")
    made = FigureRun(run=run, length=length, all_configurations=all_configurations, started_by=actor)
    made.table.save(f"{made.pk}.csv", ContentFile(table), save=False)
    if attributes:
        made.attributes.save(f"{made.pk}-attributes.csv", ContentFile(attributes), save=False)
    made.save()
    note(run.study, StudyEvent.Action.FIGURES, actor, f"scores {run.number}")
    transaction.on_commit(lambda: work.ring(FigureRun, tasks.compute_figures, made.pk))
    return made


def sealed_content(row: SealedRatings | OpinionRun) -> bytes:
    """What is in the box. Raises SealingError in a process without the private key, or where the file has changed."""
    from challenge.datasets.sealing import SealingError, unseal

    file = row.sealed if isinstance(row, SealedRatings) else row.sealed_table
    with file.open("rb") as stream:
        sealed = stream.read()
    if hashlib.sha256(sealed).hexdigest() != row.sealed_sha256:
        raise SealingError("The sealed file on disk is not the one that was stored.")
    return unseal(sealed)


def reconcile() -> int:
    """Call a worker for scores, publications and figures that wait or whose worker was lost; how many calls."""
    return (
        work.reconcile(OpinionRun, tasks.compute_scores)
        + work.reconcile(Publication, tasks.publish_scores)
        + work.reconcile(FigureRun, tasks.compute_figures)
    )
