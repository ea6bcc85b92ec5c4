"""What a worker does with one reproduction: score it as its submission was scored, and compare the two files."""

from uuid import UUID

import structlog

import scoring
from challenge.core import work
from challenge.core.work import Outcome, WorkFailed
from challenge.datasets.sealing import SealingError
from challenge.datasets.services import open_answer_key
from challenge.reports.models import Reproduction
from challenge.submissions.models import Evaluation
from challenge.submissions.results import MAIN_METRICS
from challenge.submissions.scoring_run import scored, stored_predictions
from scoring.agreement import agreement
from scoring.predictions import InvalidPredictions

log = structlog.get_logger(__name__)


def compare(reproduction_id: UUID) -> None:
    """Compare it if it waits for that. A worker without the private key leaves it to another."""
    reproduction = Reproduction.objects.select_related("submission__phase").get(pk=reproduction_id)
    in_force = Evaluation.objects.filter(submission=reproduction.submission, is_current=True)
    evaluation = in_force.select_related("answer_key").first()
    if evaluation is not None:
        try:
            open_answer_key(evaluation.answer_key)
        except SealingError as error:
            log.error("answer key cannot be opened; the comparison waits for another worker", error=str(error))
            return
    work.run(Reproduction, reproduction_id, lambda: _compared(reproduction, evaluation))


def _compared(reproduction: Reproduction, evaluation: Evaluation | None) -> Outcome:
    if evaluation is None:
        raise WorkFailed("The submission has no score any more.")
    if evaluation.scorer_version != scoring.SCORER_VERSION:
        raise WorkFailed(
            f"The submission was scored by scorer {evaluation.scorer_version}; this worker has "
            f"{scoring.SCORER_VERSION}. Score the phase again, then upload the file once more."
        )
    submission = reproduction.submission
    try:
        made, sent = stored_predictions(reproduction), stored_predictions(submission)
        outcome, private = scored(made, submission.phase, evaluation.answer_key, evaluation.formula)
    except InvalidPredictions as error:
        raise WorkFailed(f"The file does not match the list of images: {error.report.summary}") from error
    except (OSError, RuntimeError) as error:
        log.exception("a stored file cannot be compared", reproduction=str(reproduction.pk))
        raise WorkFailed("One of the two stored files cannot be read.") from error
    result = {
        "scores": _main_metrics(outcome),
        "private_scores": _main_metrics(private) if private else None,
        "agreement": agreement(sent.as_mapping(), made.as_mapping()).to_dict(),
    }
    return Outcome({"result": result, "evaluation": evaluation, "failure": ""})


def _main_metrics(outcome: scoring.Evaluation) -> dict[str, float | None]:
    values = outcome.to_dict()
    return {metric: values[metric] for metric in MAIN_METRICS}
