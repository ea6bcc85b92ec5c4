"""What a worker does with one run: read the newest scored files of every team, and compare them.

Prediction files hold no hidden value, so the result is stored as it is. Files that cannot be read are counted.
"""

from uuid import UUID

import numpy as np
import structlog

from challenge.contests.models import Phase
from challenge.core import work
from challenge.core.work import Outcome
from challenge.desk.models import EvidenceRun
from challenge.submissions.models import Submission
from challenge.submissions.scoring_run import stored_predictions
from challenge.submissions.states import Status
from scoring.collusion import Entry, find
from scoring.predictions import InvalidPredictions

log = structlog.get_logger(__name__)

MOST_OF_A_TEAM = 5
MOST_FILES = 300


def look(run_id: UUID) -> None:
    """Do the run if it waits for that."""
    run = EvidenceRun.objects.select_related("phase").get(pk=run_id)
    work.run(EvidenceRun, run_id, lambda: _looked(run.phase))


def _looked(phase: Phase) -> Outcome:
    entries: list[Entry] = []
    names: list[str] = []
    unreadable = other_images = 0
    chosen, left_out = chosen_files(phase)
    for submission in chosen:
        try:
            predictions = stored_predictions(submission).as_mapping()
        except (OSError, RuntimeError, InvalidPredictions) as error:
            log.warning("file left out", submission=str(submission.pk), error=str(error))
            unreadable += 1
            continue
        names = names or sorted(predictions)
        if sorted(predictions) != names:
            other_images += 1
            continue
        values = np.array([predictions[name] for name in names])
        entries.append(Entry(str(submission.team_id), str(submission.pk), values))
    result = find(entries).to_dict()
    for number, why in (
        (left_out, f"only the newest {MOST_OF_A_TEAM} of each team are compared, {MOST_FILES} in all"),
        (unreadable, "they cannot be read"),
        (other_images, "they are about the images of an earlier answer key"),
    ):
        if number:
            result["notes"].append(f"Files left out because {why}: {number:,}.")
    return Outcome({"result": result, "failure": ""})


def chosen_files(phase: Phase) -> tuple[list[Submission], int]:
    """The scored files to compare: of each team the newest, newest first; and how many were left out."""
    rows = Submission.objects.filter(phase=phase, kind=Submission.Kind.PARTICIPANT, status=Status.SCORED)
    of_team: dict[object, int] = {}
    chosen: list[Submission] = []
    left_out = 0
    for row in rows.select_related("team").order_by("-received_at", "pk"):
        of_team[row.team_id] = of_team.get(row.team_id, 0) + 1
        if of_team[row.team_id] > MOST_OF_A_TEAM or len(chosen) >= MOST_FILES:
            left_out += 1
        else:
            chosen.append(row)
    return chosen, left_out
