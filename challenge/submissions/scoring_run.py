"""What a worker does with one submission: claim, compute, finish (invariants 1 to 3).

A claim is a compare-and-swap that sets a lease and a fencing token; a heartbeat thread renews the lease. Whatever is
written at the end is written under the token: a worker that lost its claim writes nothing. Computing happens outside
any transaction.
"""

import dataclasses
import time
import uuid
from typing import Any, Protocol

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import Error, transaction
from django.db.models import F, Q
from django.utils import timezone

import scoring
from challenge.contests.models import Phase
from challenge.core.storage import sha256_of
from challenge.core.work import heartbeat, lease_end
from challenge.datasets.halves import evaluate_private, evaluate_public
from challenge.datasets.models import AnswerKey
from challenge.datasets.sealing import SealingError
from challenge.datasets.services import current_answer_key, open_answer_key
from challenge.receipts.services import issue_scored
from challenge.submissions.models import Evaluation, Score, Submission, SubmissionEvent
from challenge.submissions.services import fail
from challenge.submissions.signals import evaluation_stored
from challenge.submissions.states import Status, transition
from challenge.submissions.tasks import ring
from scoring.formula import RANK_DECIMALS
from scoring.predictions import InvalidPredictions, Predictions, read_predictions

log = structlog.get_logger(__name__)

INTERNAL_ERROR = (
    "Something went wrong on our side while this file was scored. The organisers see it; your quota was given back."
)


@dataclasses.dataclass(frozen=True)
class Claim:
    """The right to score one submission, as long as its lease is renewed."""

    submission_id: uuid.UUID
    token: uuid.UUID
    attempt: int

    @property
    def rows(self) -> Any:
        """The claimed row, if this claim still holds."""
        return Submission.objects.filter(pk=self.submission_id, status=Status.SCORING, lease_token=self.token)


def claim(submission_id: uuid.UUID) -> Claim | None:
    """Claim a queued submission, or one whose worker has not renewed its lease; None when there is nothing to do."""
    now = timezone.now()
    token = uuid.uuid4()
    lease: dict[str, Any] = {"lease_token": token, "lease_expires_at": lease_end(now), "attempts": F("attempts") + 1}
    row = Submission.objects.filter(pk=submission_id, attempts__lt=settings.SCORING_MAX_ATTEMPTS)
    # Most second deliveries end here, before they take the one writer's lock of SQLite.
    if not row.filter(Q(status=Status.QUEUED) | Q(status=Status.SCORING, lease_expires_at__lt=now)).exists():
        return None
    with transaction.atomic():
        claimed = transition(row, to=Status.SCORING, reason="claimed by a worker", **lease)
        if not claimed:
            if not row.filter(status=Status.SCORING, lease_expires_at__lt=now).update(**lease):
                return None
            SubmissionEvent.objects.create(
                submission_id=submission_id,
                from_status=Status.SCORING,
                to_status=Status.SCORING,
                reason="taken over: the worker before was lost",
            )
        attempt = Submission.objects.values_list("attempts", flat=True).get(pk=submission_id)
    return Claim(submission_id, token, attempt)


def score(submission_id: uuid.UUID) -> None:
    """Score the submission if it waits for that. Every way this can end leaves it final or waiting, never stuck."""
    submission = Submission.objects.select_related("phase__challenge", "team").get(pk=submission_id)
    try:
        key = _opened_key(submission.phase)
    except SealingError as error:
        log.error("answer key cannot be opened; the submission waits for another worker", error=str(error))
        return
    held = claim(submission_id)
    if held is None:
        log.info("nothing to score: claimed elsewhere or final")
        return
    try:
        with heartbeat(held.rows):
            finish(held, submission.phase, *compute(submission, key))
    except InvalidPredictions as error:
        # The file was valid when it came: the key has changed its names since, which is not the participant's fault.
        fail(held.rows, f"The file no longer matches the list of images: {error.report.summary}")
    except SoftTimeLimitExceeded:
        fail(held.rows, f"Scoring took longer than {settings.SCORING_SOFT_LIMIT_SECONDS} s.")
    except MemoryError:
        # Must not leave the task: Celery would take the whole worker down and deliver it again for ever.
        fail(held.rows, "Scoring needed more memory than a worker has.")
    except Error:
        raise  # nothing can be written now; the lease expires and the reconciler calls again
    except Exception:
        log.exception("scoring failed", attempt=held.attempt)
        if held.attempt >= settings.SCORING_MAX_ATTEMPTS:
            fail(held.rows, INTERNAL_ERROR)
        else:
            _give_back(held, "an error on our side; trying again")


def _opened_key(phase: Phase) -> AnswerKey:
    """The key in force, whose values this process has been able to read (and keeps). Raises SealingError."""
    key = current_answer_key(phase)
    if key is None:
        raise SealingError("The phase has no answer key.")
    open_answer_key(key)
    return key


def compute(submission: Submission, key: AnswerKey, formula: str = "") -> tuple[Evaluation, list[Score]]:
    """Run `scoring.evaluate` on the stored file, with the formula of the phase unless another is given.

    Returns unsaved rows and touches none of the database.
    """
    formula = formula or submission.phase.formula
    started = time.perf_counter()
    outcome, private = scored(stored_predictions(submission), submission.phase, key, formula)
    evaluation = _evaluation(submission, key, formula, outcome)
    if private:
        evaluation.private_result = private.to_dict()
        evaluation.private_rank_value = _rank_value(evaluation.private_result)
    evaluation.duration_ms = (time.perf_counter() - started) * 1000
    values = outcome.to_dict()
    scores = [
        Score(evaluation=evaluation, metric=metric, value=values[metric])
        for metric in Score.Metric.values
        if values.get(metric) is not None
    ]
    return evaluation, scores


def scored(
    predictions: Predictions, phase: Phase, key: AnswerKey, formula: str
) -> tuple[scoring.Evaluation, scoring.Evaluation | None]:
    """What `scoring.evaluate` finds on the rows that the phase shows, and on its private part where it has one."""
    # The score comes first: subsets and intervals are an analysis of its own, later (challenge.analyses).
    options: dict[str, Any] = {"subsets": [], "formula": formula, "bootstrap": 0}
    return evaluate_public(predictions, phase, key, **options), evaluate_private(predictions, phase, key, **options)


class StoredPredictions(Protocol):
    """A row with a prediction file: a submission, a reproduction."""

    file: Any
    sha256: Any
    file_name: Any


def stored_predictions(row: StoredPredictions) -> Predictions:
    """The predictions in the stored file. Raises RuntimeError when it is not the file that was accepted."""
    with row.file.open("rb") as stream:
        if sha256_of(stream) != row.sha256:
            raise RuntimeError("The stored file is not the one that was accepted.")
        return read_predictions(stream, filename=row.file_name)


def _evaluation(submission: Submission, key: AnswerKey, formula: str, outcome: scoring.Evaluation) -> Evaluation:
    result = outcome.to_dict()
    return Evaluation(
        submission=submission,
        answer_key=key,
        scorer_version=scoring.SCORER_VERSION,
        formula=formula,
        rank_value=_rank_value(result),
        result=result,
    )


def _rank_value(result: dict[str, Any]) -> float | None:
    main = result["main"]
    return None if main is None else round(main, RANK_DECIMALS)


def finish(held: Claim, phase: Phase, evaluation: Evaluation, scores: list[Score]) -> bool:
    """Write the result and the final state in one transaction; False when the claim was lost meanwhile.

    Also False when another key or formula came into force while it was computed: then the submission waits again. The
    lock on the phase is the one that `put_in_force` and a rescoring take, so no score of the old key slips in.
    """
    with transaction.atomic():
        fresh = Phase.objects.select_for_update(no_key=True).get(pk=phase.pk)
        in_force = AnswerKey.objects.filter(pk=evaluation.answer_key_id, is_current=True).exists()
        if not in_force or evaluation.formula != fresh.formula:
            _give_back(held, "another answer key or formula came into force; scoring again", attempts=0)
            transaction.on_commit(lambda: ring(held.submission_id))
            return False
        done = transition(
            held.rows,
            to=Status.SCORED,
            reason=f"scored with key {evaluation.answer_key.version}, scorer {evaluation.scorer_version}",
            lease_token=None,
            lease_expires_at=None,
            finished_at=timezone.now(),
        )
        if done:
            evaluation.save(force_insert=True)
            Score.objects.bulk_create(scores)
            issue_scored(evaluation)
            evaluation_stored.send(Evaluation, evaluation=evaluation)
            Phase.objects.filter(pk=phase.pk).update(board_version=F("board_version") + 1)
    if not done:
        log.warning("claim lost; result thrown away")
    return done


def _give_back(held: Claim, reason: str, **changes: Any) -> None:
    transition(held.rows, to=Status.QUEUED, reason=reason, lease_token=None, lease_expires_at=None, **changes)
