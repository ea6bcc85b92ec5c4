"""What a worker does with a new answer key: open it, check it, and let the first ones of a phase come into force.

The upload was read once in the request, so this finds what only a worker can: that the box opens with the workers' key,
that what is on disk is what was uploaded, and how it differs from the version before. Findings name images, count
values, and never hold one.
"""

from collections.abc import Sequence
from uuid import UUID

import numpy as np
import structlog

from challenge.contests.models import Phase
from challenge.core import work
from challenge.core.work import Outcome, State, WorkFailed
from challenge.datasets.models import AnswerKey, KeyCheck
from challenge.datasets.sealing import SealingError
from challenge.datasets.services import columns_lacking, expected_names, open_answer_key, put_in_force
from challenge.submissions.models import Evaluation
from scoring.answer_key import AnswerKey as KeyTable
from scoring.answer_key import InvalidAnswerKey

log = structlog.get_logger(__name__)

NAMES_LISTED = 5


def check(key_id: UUID) -> None:
    """Check the key if it waits for that. A worker that cannot open it says so and leaves it to another."""
    key = AnswerKey.objects.get(pk=key_id)
    try:
        table = open_answer_key(key)
    except SealingError as error:
        log.error("answer key cannot be opened; its check waits for another worker", error=str(error))
        KeyCheck.objects.filter(pk=key_id, state=State.WAITING).update(failure=str(error))
        return
    except InvalidAnswerKey:
        table = None  # its message may quote a cell
    work.run(KeyCheck, key_id, lambda: _checked(key, table))


def _checked(key: AnswerKey, table: KeyTable | None) -> Outcome:
    if table is None:
        raise WorkFailed("What is in the box does not read as a CSV name,mos. Upload the key again.")
    if sorted(table.names) != list(expected_names(key)):
        raise WorkFailed("The public list of names is not that of the sealed key. Upload the key again.")
    if np.ptp(table.mos) == 0:
        raise WorkFailed("All MOS are equal: no correlation with them exists.")
    scale = _scale(key)
    low = -np.inf if key.scale_low is None else key.scale_low
    high = np.inf if key.scale_high is None else key.scale_high
    if outside := int(((table.mos < low) | (table.mos > high)).sum()):
        raise WorkFailed(f"{outside:,} of {key.rows:,} MOS lie outside the rating scale ({scale}).")
    findings = ["It opens with the workers' private key, and its checksum and its list of names are right."]
    if scale:
        findings.append(f"All MOS lie within the rating scale ({scale}).")
    before = AnswerKey.objects.filter(phase=key.phase_id, version__lt=key.version).order_by("-is_current", "-version")
    if (earlier := before.first()) is not None:
        findings += differences(table, earlier)
    return Outcome({"findings": findings, "failure": ""}, lambda: _put_first_in_force(key))


def differences(new: KeyTable, earlier: AnswerKey) -> list[str]:
    """How `new` differs from an earlier key, in sentences: names are named, values only counted."""
    version, names = earlier.version, set(expected_names(earlier))
    added, gone = sorted(set(new.names) - names), sorted(names - set(new.names))
    found = [f"{_count(len(added), 'name')} not in version {version}: {_some(added)}."] if added else []
    if gone:
        found.append(f"{_count(len(gone), 'name')} of version {version} missing here: {_some(gone)}.")
    if added or gone:
        found.append("Files that were accepted with the names of the version before do not match this key.")
    else:
        found.append(f"The names are those of version {version}.")
    try:
        old = open_answer_key(earlier)
    except SealingError:  # sealed for another pair of keys
        return [*found, f"Version {version} does not open any more, so its MOS were not compared."]
    mos = dict(zip(old.names, old.mos.tolist(), strict=True))
    changed = sum(mos.get(name, value) != value for name, value in zip(new.names, new.mos.tolist(), strict=True))
    return [*found, f"{changed:,} of the MOS that both have differ." if changed else "No MOS differs."]


def _scale(key: AnswerKey) -> str:
    """`from 1 to 5`, or the end that is known; "" where neither is."""
    ends = (("from", key.scale_low), ("to", key.scale_high))
    return " ".join(f"{word} {end:g}" for word, end in ends if end is not None)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word if number == 1 else word + 's'}"


def _some(names: Sequence[str]) -> str:
    rest = len(names) - NAMES_LISTED
    return ", ".join(names[:NAMES_LISTED]) + (f" and {rest:,} more" if rest > 0 else "")


def _put_first_in_force(key: AnswerKey) -> None:
    """Unless scores of another key exist (a rescoring decides then), or a newer key is in force.

    Under the lock of the phase, which whoever stores a score takes too.
    """
    phase = Phase.objects.select_for_update(no_key=True).get(pk=key.phase_id)
    newer = AnswerKey.objects.filter(phase=phase, is_current=True, version__gte=key.version)
    scored = Evaluation.objects.filter(submission__phase=phase)
    if not newer.exists() and not scored.exists() and not columns_lacking(phase.formula, key.further_columns):
        put_in_force(key)
