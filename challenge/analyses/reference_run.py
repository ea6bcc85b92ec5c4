"""What a worker does with one ReferenceLine: scores from the hidden values alone."""

from uuid import UUID

import structlog

import scoring
from challenge.analyses.models import ReferenceLine
from challenge.analyses.services import board_changed
from challenge.core import work
from challenge.core.work import Outcome, WorkFailed
from challenge.datasets.sealing import SealingError
from challenge.datasets.services import open_answer_key, open_rating_table
from scoring.answer_key import AnswerKey
from scoring.formula import Formula
from scoring.noise_ceiling import estimate_noise_ceiling
from scoring.ratings import read_ratings
from scoring.reference_rows import group_mean_predictions

log = structlog.get_logger(__name__)

SHOWN = ("main", "srocc", "krocc", "plcc", "rmse")


def work_out(line_id: UUID) -> None:
    """Work the line out if it waits for that. A worker without the private key leaves it to another."""
    line = ReferenceLine.objects.select_related("answer_key", "ratings").get(pk=line_id)
    try:
        key = open_answer_key(line.answer_key)
        ratings = open_rating_table(line.ratings) if line.ratings else b""
    except SealingError as error:
        log.error("hidden values cannot be opened; the line waits for another worker", error=str(error))
        return
    if line.kind == ReferenceLine.Kind.CEILING:
        work.run(ReferenceLine, line_id, lambda: _ceiling(line, key, ratings))
    else:
        work.run(ReferenceLine, line_id, lambda: _group_mean(line, key))


def _group_mean(line: ReferenceLine, key: AnswerKey) -> Outcome:
    if line.column not in key.subsets:
        raise WorkFailed(f"The answer key has no column {line.column}.")
    found = scoring.evaluate(group_mean_predictions(key, line.column), key, [], formula=line.formula).to_dict()
    scores = {name: found[name] for name in SHOWN if found[name] is not None}
    intervals = {name: interval for name, interval in found["intervals"].items() if name in SHOWN}
    return _outcome(line, scores, intervals)


def _ceiling(line: ReferenceLine, key: AnswerKey, content: bytes) -> Outcome:
    ratings = read_ratings(content)
    names = set(key.names)
    kept = ratings.of_images(names)
    if missing := len(names) - len(kept.images):
        raise WorkFailed(f"{missing} of the {len(names)} images of the answer key have no rating.")
    found = estimate_noise_ceiling(kept).split_half
    scores = {name: one["estimate"] for name, one in found.items() if one["estimate"] is not None}
    # A main score only where the formula uses nothing but what has a ceiling.
    main = Formula(line.formula).evaluate(scores)
    intervals = {name: one["interval"] for name, one in found.items() if one["interval"]}
    return _outcome(line, scores if main is None else {"main": main, **scores}, intervals)


def _outcome(line: ReferenceLine, scores: dict[str, float], intervals: dict[str, list[float]]) -> Outcome:
    return Outcome({"scores": scores, "intervals": intervals}, lambda: board_changed(line.answer_key.phase_id))
