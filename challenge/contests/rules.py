"""Which options of a phase go together, and which cannot change any more: messages for the forms, by field.

The database has constraints for what one row can tell; here are the words, and the rules that need other rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from challenge.contests.models import Phase


def option_errors(phase: Phase) -> dict[str, str]:
    """What is wrong with how scores are shown: field -> message."""
    return _ladder_errors(phase) | _halves_errors(phase)


def _ladder_errors(phase: Phase) -> dict[str, str]:
    errors: dict[str, str] = {}
    if phase.standard_errors is not None and phase.standard_errors <= 0:
        errors["standard_errors"] = "A gain must exceed more than 0 standard errors; usual is 1."
    if not phase.is_ladder:
        if phase.leak_budget_bits is not None:
            errors["leak_budget_bits"] = "Only a Ladder keeps to a budget: a plain phase shows every score."
        return errors
    if phase.is_blind:
        errors["release_rule"] = "A blind phase shows no scores, so there is nothing to release by a Ladder."
    elif phase.shows_fit:
        errors["shows_fit"] = "With a Ladder a phase shows no fit: it would tell more than the shown score."
    if phase.late_until is not None:
        errors["late_until"] = "A Ladder takes no late files: it shows one score per team, and a late one has no rank."
    if phase.board_rule != phase.BoardRule.BEST:
        errors["board_rule"] = "A Ladder needs the best score: the shown score is a running best."
    if _has_releases(phase):
        for name in _changed(phase, "standard_errors", "shown_decimals"):
            errors[name] = "Scores were released under another value, and a release does not change."
    return errors


def _halves_errors(phase: Phase) -> dict[str, str]:
    errors: dict[str, str] = {}
    share = phase.public_share
    if share is not None and not 0 < share < 1:
        errors["public_share"] = "A share lies between 0 and 1, for example 0.5; empty: all images are scored."
    elif share is None and phase.split_column:
        errors["split_column"] = "Without a public share nothing is split."
    elif share is not None:
        errors |= _key_errors(phase, share)
    if phase.shows_private and (share is None or phase.closes_at is None or phase.closes_at > timezone.now()):
        errors["shows_private"] = "Scores of the private part can be shown when there is one and the phase is over."
    if not phase._state.adding and phase.submissions.exists():
        for name in _changed(phase, "public_share", "split_column"):
            errors[name] = "Files were scored on other images, and scores on both must not stand on one board."
    return errors


def _key_errors(phase: Phase, share: float) -> dict[str, str]:
    """Whether the key in force, if there is one, can be split like this."""
    from challenge.datasets.services import current_answer_key

    key = None if phase._state.adding else current_answer_key(phase)
    if key is None:
        return {}
    if not 0 < round(share * key.rows) < key.rows:
        return {"public_share": f"This share of the {key.rows} images of the answer key leaves a part empty."}
    if phase.split_column and phase.split_column not in key.subset_columns:
        return {
            "split_column": f"The answer key has the columns {', '.join(key.subset_columns) or 'name and MOS only'}."
        }
    return {}


def _has_releases(phase: Phase) -> bool:
    return not phase._state.adding and phase.submissions.filter(evaluations__release__isnull=False).exists()


def _changed(phase: Phase, *names: str) -> list[str]:
    before = type(phase)._default_manager.filter(pk=phase.pk).values(*names).first()
    return [name for name in names if before and before[name] != getattr(phase, name)]
