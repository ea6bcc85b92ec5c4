"""Tables 2 and 3 of the paper for a phase: its reference rows that are baseline metrics, overall and by setting.

Numbers are those of the analyses, so a row is there once it is analysed; the columns of table 3 are those of the answer
key that say whether a setting was the default (`scoring.baselines.tables.SUBSETS`).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from challenge.analyses.models import Analysis
from challenge.contests.access import Viewer, is_organiser, may_see_results
from challenge.contests.models import Phase
from challenge.core.work import State
from challenge.jobs.baselines.offers import known_metrics
from challenge.submissions.models import Submission
from challenge.submissions.references import replaced
from challenge.submissions.results import rounded
from challenge.submissions.states import Status
from scoring.baselines.tables import CRITERIA, Table, tables_of_results


def may_see_tables(user: Viewer, phase: Phase) -> bool:
    """Organisers, and everybody where results are shown as they are.

    Not where the key is divided: how large the groups of the public part are would tell which images are in it.
    """
    return (may_see_results(user, phase) and phase.public_share is None) or is_organiser(user, phase.challenge)


def is_metric(name: str) -> bool:
    """Whether a reference row of that name is a baseline metric, perhaps a fine-tuned one."""
    return name.partition("+finetune")[0] in known_metrics()


def tables_of(
    phase: Phase, before: datetime.datetime | None = None, *, decimals: int | None = None
) -> tuple[Table, ...]:
    """Table 2 and, where the key has columns for it, table 3; empty while no metric is analysed.

    `before`: of what was received before that moment only. `decimals`: to which the numbers are rounded; None: not.
    Raises InvalidTable when columns of the key hold something else than true and false.
    """
    analyses = Analysis.objects.filter(
        ~replaced(before, "evaluation__"),
        state=State.DONE,
        evaluation__is_current=True,
        evaluation__submission__phase=phase,
        evaluation__submission__kind=Submission.Kind.REFERENCE,
        evaluation__submission__status=Status.SCORED,
    )
    if before:
        analyses = analyses.filter(evaluation__submission__received_at__lt=before)
    ordered = analyses.order_by("evaluation__submission__received_at")
    found = ordered.values_list("evaluation__submission__method_name", "result")
    results = {name: _rounded(result, decimals) for name, result in found if result is not None and is_metric(name)}
    paper = settings.PAPER_TABLES.get(phase.challenge.slug)
    return tables_of_results(results, Path(paper) if paper else None) if results else ()


def _rounded(result: Mapping[str, Any], decimals: int | None) -> dict[str, Any]:
    subsets = {
        column: {label: _scores(scores, decimals) for label, scores in groups.items()}
        for column, groups in result["subsets"].items()
    }
    return {**_scores(result, decimals), "subsets": subsets}


def _scores(scores: Mapping[str, Any], decimals: int | None) -> dict[str, Any]:
    return {"n": scores["n"], **{name: rounded(scores[name], decimals) for name in CRITERIA}}
