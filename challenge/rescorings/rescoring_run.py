"""What a worker does with a rescoring: one submission after the other, each stored by itself.

So it goes on where it stopped: after a slice of its own, a killed worker, a retry, or with what was scored meanwhile.
Two workers that do the same one (a lost one that comes back) meet at the unique keys, and the second leaves the row.
"""

import time
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction

import scoring
from challenge.core import work
from challenge.core.work import Outcome, State, Unfinished, WorkFailed
from challenge.datasets.sealing import SealingError
from challenge.datasets.services import open_answer_key
from challenge.receipts.services import issue_scored
from challenge.rescorings import tasks
from challenge.rescorings.models import Rescored, Rescoring
from challenge.rescorings.services import missing
from challenge.submissions.models import Evaluation, Score, Submission
from challenge.submissions.scoring_run import compute
from scoring.predictions import InvalidPredictions

log = structlog.get_logger(__name__)

SLICE_SECONDS = 20.0


def rescore(rescoring_id: UUID) -> None:
    """Go on with the rescoring if it waits for that. A worker without the private key leaves it to another."""
    rescoring = Rescoring.objects.select_related("phase", "answer_key").get(pk=rescoring_id)
    try:
        open_answer_key(rescoring.answer_key)
    except SealingError as error:
        log.error("answer key cannot be opened; the rescoring waits for another worker", error=str(error))
        return
    work.run(Rescoring, rescoring_id, lambda: _rescored(rescoring))
    if Rescoring.objects.filter(pk=rescoring_id, state=State.WAITING).exists():
        work.ring(Rescoring, tasks.rescore, rescoring_id)


def _rescored(rescoring: Rescoring) -> Outcome:
    if rescoring.scorer_version != scoring.SCORER_VERSION:
        raise WorkFailed(
            f"Started for scorer {rescoring.scorer_version}; this worker has {scoring.SCORER_VERSION}. "
            "Discard it and start another."
        )
    until = time.monotonic() + SLICE_SECONDS
    for submission in missing(rescoring).select_related("phase"):
        if time.monotonic() > until:
            raise Unfinished
        if not Rescoring.objects.filter(pk=rescoring.pk, state=State.RUNNING).exists():
            break  # discarded: the claim is gone, and nothing more is written
        rescore_one(rescoring, submission)
    return Outcome({"failure": ""})


def rescore_one(rescoring: Rescoring, submission: Submission) -> None:
    """Score one submission for the rescoring, unless it has that score already from before."""
    before = Evaluation.objects.filter(submission=submission, is_current=True).first()
    found = Evaluation.objects.filter(
        submission=submission,
        answer_key=rescoring.answer_key,
        scorer_version=rescoring.scorer_version,
        formula=rescoring.formula,
    ).first()
    made, failure = None, ""
    if found is None:
        try:
            made = compute(submission, rescoring.answer_key, rescoring.formula)
        except InvalidPredictions as error:
            failure = f"The file does not match the list of images: {error.report.summary}"
        except MemoryError:
            failure = "Scoring needed more memory than a worker has."
        except (OSError, RuntimeError) as error:
            log.exception("stored file cannot be scored again", submission=str(submission.pk))
            failure = f"The stored file cannot be read: {error.strerror if isinstance(error, OSError) else error}"
    try:
        with transaction.atomic():
            if made is not None:
                found, scores = made
                found.is_current, found.published_at = False, None
                found.save(force_insert=True)
                Score.objects.bulk_create(scores)
                issue_scored(found)
            Rescored.objects.create(
                rescoring=rescoring, submission=submission, before=before, evaluation=found, failure=failure[:500]
            )
    except IntegrityError:
        log.warning("another worker was first", submission=str(submission.pk))
