"""Which score a team is shown during a phase: a Ladder, so that trying often does not pay.

A team's shown score moves only when a submission beats the one behind it by more than the standard error of their
paired difference, and by more than one unit of the last decimal shown; otherwise the old score stays, and the team
learns only that this submission was not better. This is the parameter-free Ladder of Blum and Hardt (2015), The
Ladder: A Reliable Leaderboard for Machine Learning Competitions, ICML, arXiv 1502.04585, with two changes. A
correlation is no mean of losses, so the standard error comes from the paired bootstrap. And one unit of the display
is the least step, as in their Ladder with a fixed step: the standard error of the difference of two nearly equal files
is nearly 0, and a hill climber in small steps would pass (docs/overfitting.md has the figures).

Contract: everything is a pure function. The releases of a team follow from its submissions in order of receipt; the
order in which they were scored cannot matter, and a release once made never changes. A score that is undefined, or
is on more than 5 % of its resamples, moves nothing.
For participants are `shown`, `moved` and `reason`, which hold no other number; `value`, `step` and `draws` tell more
about the hidden scores and are for organisers and storage.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.analytic import bonett_wright_interval
from scoring.formula import RANK_DECIMALS
from scoring.intervals import LEVEL, MOSTLY

Floats = NDArray[np.float64]

TYPICAL_CORRELATION = 0.75  # of a decent metric: what the decimals of a whole board are worked out for

FIRST = "the first score"
BETTER = "better than the score shown before"
NOT_BETTER = "not better than the score shown, or by too little to tell"
# One sentence for both: two would tell whether the one image that differs is among the rows scored.
UNDEFINED = "the main score is undefined, or would be without a few images"


@dataclass(frozen=True, eq=False)
class Released:
    """What a team is shown after one of its submissions.

    shown: the score to show, rounded; None before the first. moved: whether this submission is the one behind it now.
    reason: a sentence for the team. value: the same score unrounded. step: the standard error this submission had to
    beat; None where there was nothing to compare. draws: the resamples of `value`, shape (B,), float64.
    """

    shown: float | None
    moved: bool
    reason: str
    value: float | None = field(repr=False)
    step: float | None = field(repr=False)
    draws: Floats | None = field(repr=False)


class Submitted(NamedTuple):
    """One submission of a team. `order`: any sort key of its receipt, unique (time and id); `pending`: not scored yet.

    score: its main score on the rows the phase shows, None where undefined. draws: main on each resample, shape (B,),
    nan where undefined (`scoring.intervals.bootstrap_draws(...)["main"]`), None where the score is.
    """

    order: Any
    score: float | None = None
    draws: ArrayLike | None = None
    pending: bool = False


def release(
    previous: Released | None,
    score: float | None,
    draws: ArrayLike | None,
    *,
    decimals: int,
    standard_errors: float = 1.0,
) -> Released:
    """The next release after `previous` (None: the team has none yet) for a submission with this score and draws.

    decimals: of the scores on this board (`board_decimals`). standard_errors: how many a gain must exceed; Blum and
    Hardt's is 1. Draws must be of the same resamples for all submissions: same rows, seed and number. Raises ValueError
    when their number differs or an option is out of range.
    """
    _check_options(decimals, standard_errors)
    old = previous or Released(None, False, "", None, None, None)
    drawn = None if draws is None else np.asarray(draws, dtype=np.float64)
    if score is None or drawn is None or not (math.isfinite(score) and _mostly(np.isfinite(drawn))):
        return _stay(old, UNDEFINED)
    step = None
    if old.value is not None and old.draws is not None:
        step = paired_standard_error(drawn, old.draws)
        # The comparison is between unrounded scores: whether a file passes must not depend on where rounding cut.
        if not score - old.value > max(standard_errors * step, 10.0**-decimals):
            return _stay(old, NOT_BETTER, step)
    return Released(round(score, decimals), True, FIRST if step is None else BETTER, score, step, drawn)


def releases(
    submissions: Iterable[Submitted], *, decimals: int, standard_errors: float = 1.0
) -> list[tuple[Submitted, Released]]:
    """What a team has been shown so far, in order of receipt. Options and errors as for `release`.

    Stops before the first pending submission: releasing a later one first would show a score that its turn might
    have withheld. Leave out submissions that will never be scored (failed, withdrawn), else all later ones wait.
    """
    found: list[tuple[Submitted, Released]] = []
    last: Released | None = None
    for one in sorted(submissions, key=lambda submission: submission.order):
        if one.pending:
            break
        last = release(last, one.score, one.draws, decimals=decimals, standard_errors=standard_errors)
        found.append((one, last))
    return found


def paired_standard_error(one: Floats, other: Floats) -> float:
    """Standard error of the difference of two scores from their draws on the same resamples, shape (B,) each.

    Resamples that leave either undefined do not count. Raises ValueError when the shapes differ.
    """
    if one.ndim != 1 or one.shape != other.shape:
        raise ValueError(f"draws of the same resamples are needed, not of shapes {one.shape} and {other.shape}")
    difference = one - other
    return float(difference[np.isfinite(difference)].std(ddof=1))


def display_decimals(interval: Sequence[float]) -> int:
    """How many decimals a score with this 95 % interval [low, high] deserves: 0 to 6.

    The Particle Data Group's rule (Review of Particle Physics, Introduction 5.3), within the "at most two significant
    digits" of the GUM (JCGM 100:2008, 7.2.6): with the standard uncertainty u to three digits, two of them are
    kept up to 354, one from 355 to 949, and 950 to 999 is taken as 1000 and keeps two. So one unit of the last decimal
    lies between u / 35.4 and u / 3.55. An interval of width 0 gets 6. Raises ValueError if low > high or not finite.
    """
    low, high = interval
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"an interval [low, high] is needed, not {[low, high]}")
    uncertainty = (high - low) / (2 * NormalDist().inv_cdf((1 + LEVEL) / 2))
    if uncertainty == 0:
        return RANK_DECIMALS
    mantissa, exponent = f"{uncertainty:.2e}".split("e")
    decimals = -int(exponent) + (1 if float(mantissa) < 3.55 else 0)
    return min(RANK_DECIMALS, max(0, decimals))


def board_decimals(n: int) -> int:
    """How many decimals all correlations of a board over n rows deserve: those of a typical one (0.75).

    One number for a board, known when the answer key is, so that shown scores can be compared and none tells more than
    another. 3 for n from 201 to 19,519. Raises ValueError for n below 4, where there is no interval.
    """
    interval = bonett_wright_interval(TYPICAL_CORRELATION, n)
    if interval is None:
        raise ValueError(f"n = {n}: a correlation of fewer than 4 rows has no interval")
    return display_decimals(interval)


def _check_options(decimals: int, standard_errors: float) -> None:
    if not 0 <= decimals <= RANK_DECIMALS:
        raise ValueError(f"decimals must lie between 0 and {RANK_DECIMALS}, not {decimals}")
    if not 0 < standard_errors < math.inf:
        raise ValueError(f"standard_errors must be positive, not {standard_errors}")


def _stay(old: Released, reason: str, step: float | None = None) -> Released:
    return Released(old.shown, False, reason, old.value, step, old.draws)


def _mostly(defined: NDArray[np.bool_]) -> bool:
    return defined.ndim == 1 and defined.size >= 2 and bool(np.count_nonzero(defined) >= MOSTLY * defined.size)
