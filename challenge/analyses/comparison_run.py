"""What a worker does with one board: `scoring.compare_draws` over the draws that the analyses have left."""

import itertools
import time
from typing import Any
from uuid import UUID

import structlog

import scoring
from challenge.analyses.analysis_run import draws_of
from challenge.analyses.models import Analysis, Comparison
from challenge.analyses.services import still_right, store_comparison, unfinished_analyses
from challenge.contests.models import Phase
from challenge.core.work import State
from challenge.datasets.sealing import SealingError
from challenge.leaderboards.board import board, fingerprint

log = structlog.get_logger(__name__)


def compare(phase_id: UUID) -> None:
    """Compare the ranked rows of a board, unless that is done or their analyses are not; doing it twice is harmless.

    The public board, that is: a frozen one keeps its comparison, and the organisers' live view has none meanwhile.
    """
    phase = Phase.objects.get(pk=phase_id)
    ranked = [row for row in board(phase, phase.board_frozen_at) if row.rank is not None]
    mark = fingerprint(ranked)
    if Comparison.objects.filter(phase=phase, fingerprint=mark).exists():
        still_right(phase)
        return
    evaluations = [row.evaluation_id for row in ranked]
    if unfinished_analyses(evaluations).exists():
        return
    started = time.perf_counter()
    # Rows that another key scored, while a phase is being scored again, have other resamples.
    analyses = Analysis.objects.filter(pk__in=evaluations, state=State.DONE, evaluation__answer_key__is_current=True)
    try:
        draws = {str(one.pk): draws_of(one) for one in analyses.only("sealed_draws")}
    except SealingError as error:
        log.error("draws cannot be opened; the comparison waits for another worker", error=str(error))
        return
    values = {str(row.evaluation_id): row.scores["main"] for row in ranked if str(row.evaluation_id) in draws}
    # The first resamples of a longer row are those of a shorter one.
    resamples = min((one.size for one in draws.values()), default=0)
    found = scoring.compare_draws(values, {pk: one[:resamples] for pk, one in draws.items()}, n=0)
    duration_ms = (time.perf_counter() - started) * 1000
    store_comparison(phase, mark, _table(found), resamples, duration_ms)


def _table(found: scoring.Comparison) -> dict[str, dict[str, Any]]:
    pairs = {(pair["above"], pair["below"]): pair for pair in found.pairs}
    order = [row["name"] for row in found.table]
    below = dict(itertools.pairwise(order))
    table = {}
    for row in found.table:
        pair = pairs.get((row["name"], below.get(row["name"], "")))
        table[row["name"]] = {
            "rank_interval": row["rank_interval"],
            "first": row["first"],
            "group": row["group"],
            "lead": pair and pair["lead"],
            "lead_interval": pair and pair["interval"],
            "p_next": pair and pair["p_holm"],
        }
    return table
