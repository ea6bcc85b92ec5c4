"""What the dates and the gate of a phase must satisfy beside each other: messages for people, by field."""

from __future__ import annotations

import datetime
import math
from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from challenge.contests.models import Phase


def broken(phase: Phase) -> dict[str, str]:
    """The rules that `phase`, saved or not, breaks: {field: what is wrong}. One query for a saved phase."""
    errors: dict[str, str] = {}
    if phase.late_until and phase.closes_at and phase.late_until <= phase.closes_at:
        errors["late_until"] = "Late files come after the phase has closed: choose a later moment, or none."
    if phase.choice_until and phase.opens_at and phase.choice_until <= phase.opens_at:
        errors["choice_until"] = "Teams can choose once the phase has opened: choose a later moment, or none."
    if phase.board_frozen_at and phase.opens_at and phase.board_frozen_at <= phase.opens_at:
        errors["board_frozen_at"] = (
            "A board frozen before the phase opens would stay empty: choose a later moment, or none."
        )
    return errors | _deadline(phase) | _gate(phase)


def same_second(one: datetime.datetime | None, other: datetime.datetime | None) -> bool:
    """Whether two moments, or none, are the same to a person: forms show and send no fractions of a second."""
    if one is None or other is None:
        return one is other
    return one.replace(microsecond=0) == other.replace(microsecond=0)


def _deadline(phase: Phase) -> dict[str, str]:
    """The deadline of a phase that has opened changes by `services.change_deadline` only, which leaves a record."""
    if phase._state.adding:
        return {}
    dates = type(phase).objects.filter(pk=phase.pk).values_list("opens_at", "closes_at").first()
    if dates is None or dates[0] > timezone.now() or same_second(dates[1], phase.closes_at):
        return {}
    return {
        "closes_at": "This phase has opened: its deadline is changed on the page «Deadline» of the phase, which "
        "tells the participants and keeps a record."
    }


def _gate(phase: Phase) -> dict[str, str]:
    gate, errors = phase.gate, {}
    if phase.gate_minimum is not None:
        if gate is None:
            errors["gate_minimum"] = "A minimum needs a gate: the phase in which that score is asked for."
        elif gate.is_blind:
            errors["gate_minimum"] = f"«{gate.title}» is blind: who is let in would learn a hidden score."
        elif gate.is_ladder:
            errors["gate_minimum"] = f"«{gate.title}» has a Ladder: who is let in would learn more than it shows."
        elif not math.isfinite(phase.gate_minimum) or abs(phase.gate_minimum) > 1e300:
            errors["gate_minimum"] = "A main score is a finite number."
    if gate is None:
        return errors
    if gate.challenge_id != phase.challenge_id:
        errors["gate"] = "The gate is a phase of the same challenge."
    elif (gate.position, gate.opens_at) >= (phase.position, phase.opens_at or gate.opens_at):
        errors["gate"] = "The gate comes before this phase: by position, and at the same position by its opening."
    return errors
