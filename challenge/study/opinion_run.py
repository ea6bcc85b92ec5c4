"""What a worker does with opinion scores: compute them from all ratings, put them into answer keys and data files.

Whoever computes has every rating and every score in hand: results that reach the database are diagnostics, a sealed
table and, while the ratings are in the database anyway, a plain one.
"""

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from uuid import UUID

import structlog
from django.core.files.base import ContentFile

import scoring
from challenge.core import work
from challenge.core.work import Outcome, WorkFailed
from challenge.datasets.models import DataFile
from challenge.datasets.sealing import SealingError, seal
from challenge.datasets.services import add_answer_key, add_data_file
from challenge.study.exports import counting_in_archive, csv_bytes, mos_rows
from challenge.study.figures import histograms
from challenge.study.models import Study
from challenge.study.opinions import sealed_content
from challenge.study.records import OpinionRun, Publication, SealedRatings
from scoring.answer_key import InvalidAnswerKey
from scoring.opinion_scores import OpinionScores
from scoring.opinion_table import COLUMNS
from scoring.ratings import COLUMNS as RATING_COLUMNS
from scoring.ratings import InvalidRatings, read_ratings

log = structlog.get_logger(__name__)

MOS_SCALE = (0.0, 5.0)
NAMES_LISTED = 5


def compute(run_id: UUID) -> None:
    """Compute the scores if they wait for that. A worker that cannot open sealed ratings leaves them to another."""
    run = OpinionRun.objects.select_related("study").get(pk=run_id)
    try:
        sealed = [(row.kind, sealed_content(row)) for row in run.study.sealed_ratings.all()]
    except SealingError as error:
        log.error("sealed ratings cannot be opened; the scores wait for another worker", error=str(error))
        return
    work.run(OpinionRun, run_id, lambda: _computed(run, sealed))


def _computed(run: OpinionRun, sealed: list[tuple[str, bytes]]) -> Outcome:
    study = run.study
    rows = [*mos_rows(study), *_sealed_rows(study, sealed)]
    try:
        ratings = read_ratings(rows, scale=(study.scale_low, study.scale_high), duplicates=run.duplicates)
        scores = scoring.mean_opinion_scores(
            ratings,
            screening=run.screening,
            transform=run.transform,
            threshold=run.threshold,
            session_mean=run.session_mean,
        )
    except InvalidRatings as error:
        raise WorkFailed(f"There are no scores: {error.report.summary}.") from None
    content = _table(scores)
    run.sealed_table.save(f"{run.pk}.sealed", ContentFile(box := seal(content)), save=False)
    columns = {
        "result": {**scores.to_dict(), "histograms": histograms(ratings, scores)},
        "sealed_table": run.sealed_table.name,
        "sealed_sha256": hashlib.sha256(box).hexdigest(),
        "ratings_sha256": hashlib.sha256(csv_bytes(RATING_COLUMNS, sorted(rows))).hexdigest(),
        "failure": "",
    }
    if not sealed:
        run.table.save(f"{run.pk}.csv", ContentFile(content), save=False)
        columns["table"] = run.table.name
    return Outcome(columns)


def _sealed_rows(study: Study, sealed: list[tuple[str, bytes]]) -> Iterator[tuple[str, str, str, float]]:
    gone = frozenset(subject.code for subject in study.subjects.filter(withdrawn_at__isnull=False))
    for kind, content in sealed:
        if kind == SealedRatings.Kind.ARCHIVE:
            yield from counting_in_archive(content, gone)
        else:
            found = read_ratings(content, scale=(study.scale_low, study.scale_high))
            names = (found.subjects, found.images, found.sessions)
            places = (found.subject.tolist(), found.image.tolist(), found.session.tolist())
            for subject, image, session, rating in zip(*places, found.rating.tolist(), strict=True):
                yield names[0][subject], names[1][image], names[2][session], rating


def _table(scores: OpinionScores) -> bytes:
    return csv_bytes(COLUMNS, ([row[name] for name in COLUMNS] for row in scores.table.rows()))


def publish(publication_id: UUID) -> None:
    """Send scores on if they wait for that. A worker without the private key leaves it to another."""
    made = Publication.objects.select_related("run__study__challenge", "phase", "asked_by").get(pk=publication_id)
    try:
        table = sealed_content(made.run)
    except SealingError as error:
        log.error("sealed scores cannot be opened; they wait for another worker", error=str(error))
        return
    work.run(Publication, publication_id, lambda: _published(made, table))


def _published(made: Publication, table: bytes) -> Outcome:
    scores = {row["image"]: row for row in csv.DictReader(io.StringIO(table.decode(), newline="")) if row["mos"]}
    with made.images.open("rb") as stream:
        wanted = list(csv.DictReader(io.StringIO(stream.read().decode("utf-8-sig"), newline="")))
    missing = [row["name"] for row in wanted if row["name"] not in scores]
    if missing:
        rest = len(missing) - NAMES_LISTED
        listed = ", ".join(missing[:NAMES_LISTED]) + (f" and {rest:,} more" if rest > 0 else "")
        raise WorkFailed(f"{len(missing):,} of {len(wanted):,} images have no score: {listed}.")
    if made.target == Publication.Target.DATA:
        return Outcome({"failure": ""}, lambda: _store_data_file(made, wanted, scores))
    return Outcome({"failure": ""}, lambda: _store_key(made, wanted, scores))


def _store_key(made: Publication, wanted: list[dict[str, str]], scores: Mapping[str, dict[str, str]]) -> None:
    """A new version of the phase's answer key, by the road of an upload; checked and put in force as those are."""
    subsets = [column for column in wanted[0] if column != "name"]
    has_spread = all(scores[row["name"]]["std"] for row in wanted)
    header = ["name", "mos", *(["mos_std"] if has_spread else []), "n_ratings", *subsets]
    rows = []
    for row in wanted:
        one = scores[row["name"]]
        spread = [one["std"]] if has_spread else []
        rows.append([row["name"], one["mos"], *spread, one["n"], *(row[column] for column in subsets)])
    try:
        key = add_answer_key(
            phase=made.phase,  # type: ignore[arg-type]  # publication_has_its_target
            content=csv_bytes(header, rows),
            actor=made.asked_by,
            scale=MOS_SCALE,
        )
    except InvalidAnswerKey as error:
        raise WorkFailed(f"This is no answer key: {error.report.summary}.") from None
    Publication.objects.filter(pk=made.pk).update(answer_key=key)


def _store_data_file(made: Publication, wanted: list[dict[str, str]], scores: Mapping[str, dict[str, str]]) -> None:
    """A data file for everybody who may have data: MOS of the training images."""
    numbers = [column for column in COLUMNS if column != "image"]
    subsets = [column for column in wanted[0] if column != "name"]
    rows = [
        [row["name"], *(scores[row["name"]][column] for column in numbers), *(row[column] for column in subsets)]
        for row in wanted
    ]
    content = ContentFile(csv_bytes(["name", *numbers, *subsets], rows))
    file = DataFile(
        challenge=made.run.study.challenge,
        title=made.title,
        description=f"Opinion scores {made.run.number} of {made.run.study}.",
        file_name="mos.csv",
    )
    add_data_file(data_file=file, content=content, actor=made.asked_by)
    Publication.objects.filter(pk=made.pk).update(data_version=file.newest)
