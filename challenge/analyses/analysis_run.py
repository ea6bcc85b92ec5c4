"""What a worker does with one Analysis: evaluate again with intervals, subsets and, where the phase shows them,
diagnostics, and check that the scores agree."""

import time
from uuid import UUID

import numpy as np
import structlog

import scoring
from challenge.analyses.models import Analysis
from challenge.analyses.services import analysed
from challenge.contests.access import may_see_fit
from challenge.core import work
from challenge.core.work import Outcome, WorkFailed
from challenge.datasets.halves import evaluate_public
from challenge.datasets.sealing import SealingError, seal, unseal
from challenge.datasets.services import open_answer_key
from challenge.submissions.models import Evaluation, Score
from challenge.submissions.scoring_run import stored_predictions

log = structlog.get_logger(__name__)


def analyse(evaluation_id: UUID) -> None:
    """Do the analysis if it waits for that. A worker without the private key leaves it to another."""
    evaluation = Evaluation.objects.select_related("submission__phase", "answer_key").get(pk=evaluation_id)
    try:
        open_answer_key(evaluation.answer_key)
    except SealingError as error:
        log.error("answer key cannot be opened; the analysis waits for another worker", error=str(error))
        return
    work.run(Analysis, evaluation_id, lambda: _analysed(evaluation))


def _analysed(evaluation: Evaluation) -> Outcome:
    started = time.perf_counter()
    if evaluation.scorer_version != scoring.SCORER_VERSION:
        raise WorkFailed(
            f"Scored with scorer {evaluation.scorer_version}; this worker has {scoring.SCORER_VERSION}. Score it again."
        )
    analysis = Analysis.objects.only("resamples").get(pk=evaluation.pk)
    predictions = stored_predictions(evaluation.submission)
    outcome = evaluate_public(
        predictions,
        evaluation.submission.phase,
        evaluation.answer_key,
        formula=evaluation.formula,
        bootstrap=analysis.resamples,
        criteria=True,
    )
    result = outcome.to_dict()
    if differing := [name for name in Score.Metric.values if result[name] != evaluation.result[name]]:
        log.error("an analysis does not reproduce its score", metrics=differing, evaluation=str(evaluation.pk))
        raise WorkFailed("The scores could not be reproduced, so no intervals are shown. The organisers see it.")
    shown = may_see_fit(evaluation.submission.phase)
    columns = {
        "result": result,
        "diagnostics": scoring.diagnose(outcome, open_answer_key(evaluation.answer_key)).to_dict() if shown else None,
        "sealed_draws": seal(outcome.draws.astype("<f8").tobytes()),
        "duration_ms": (time.perf_counter() - started) * 1000,
    }
    return Outcome(columns, lambda: analysed(evaluation))


def draws_of(analysis: Analysis) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The main score on each resample, shape (resamples,). Raises SealingError without the private key."""
    return np.frombuffer(unseal(bytes(analysis.sealed_draws or b"")), dtype="<f8").astype(np.float64)
