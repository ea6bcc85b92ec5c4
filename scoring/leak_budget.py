"""How much of the hidden scores a team has been told, in bits, against a budget per team and phase.

What is counted is the transcript: everything shown to the team that depends on hidden MOS. Each answer costs the
length of its code word in a fixed prefix-free code over the answers that were possible, so a team that has spent b bits
has seen one of at most 2^b transcripts, however it chose its submissions. b is therefore an upper bound of the
information in Shannon's sense, not an estimate: what an answer really told may be far less, and is less when it could
be foreseen. Dwork et al. (2015), Generalization in Adaptive Data Analysis and Holdout Reuse, NIPS, arXiv 1506.02629,
bound overfitting by such description lengths; `expected_gap` is the bound on average by Russo and Zou (2016).

Contract: pure functions; costs are float bits, never negative. The account is per team: teams that share what they are
told, or one person with two accounts, have the sum of their budgets.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

# The code for "did the score move" expects one submission in sixteen to move it. Any number in (0, 1) gives a valid
# bound; this one makes an answer "not better" cost 0.09 bits and lets a budget of a few hundred bits last a phase.
MOVING_SHARE = 1 / 16
DIAGNOSTICS = ("numbers", "scatter", "residuals", "worst_images")


def cost_of_numbers(count: int, *, decimals: int, low: float = -1.0, high: float = 1.0) -> float:
    """Bits of `count` numbers shown to so many decimals, each in [low, high]: count x log2 of the values possible."""
    if count < 0 or decimals < 0 or not low <= high:
        raise ValueError(f"not a set of numbers: {count} in [{low}, {high}] to {decimals} decimals")
    return count * math.log2(round((high - low) * 10**decimals) + 1)


def cost_of_score(moved: bool, *, decimals: int, low: float = -1.0, high: float = 1.0, numbers: int = 1) -> float:
    """Bits of one release of a Ladder: whether the score moved, and if so, the numbers shown with it.

    low, high: the range the score can have; the score shown before is a valid `low`, as a shown score never falls.
    numbers: how many are shown when it moves (main alone: 1; with SRoCC, KRoCC and PLCC: 4; the wider range counts).
    """
    if not moved:
        return -math.log2(1 - MOVING_SHARE)
    return -math.log2(MOVING_SHARE) + cost_of_numbers(numbers, decimals=decimals, low=low, high=high)


def cost_of_diagnostic(kind: str, shown: int, *, rows: int, levels: int = 256) -> float:
    """Bits of a diagnostic on `rows` hidden rows of which `shown` are shown. Raises ValueError for an unknown kind.

    "scatter", "residuals": the MOS, or the error, of `shown` given images, each to one of `levels` values (of a plot:
    the height in pixels). "worst_images": which images have the `shown` largest errors, in order: log2 of the number of
    such lists. "numbers": `shown` scores of subsets or bounds of intervals, each one of `levels` values.
    """
    if kind not in DIAGNOSTICS:
        raise ValueError(f"unknown diagnostic {kind!r}; known are {', '.join(DIAGNOSTICS)}")
    if levels < 1 or shown < 0 or (kind != "numbers" and shown > rows):
        raise ValueError(f"{kind} cannot show {shown} of {rows} rows in {levels} values")
    if kind == "worst_images":
        return (math.lgamma(rows + 1) - math.lgamma(rows - shown + 1)) / math.log(2)
    return shown * math.log2(levels)


def remaining(budget: float, costs: Iterable[float]) -> float:
    """Bits left of a budget, at least 0. Ask before showing: what costs more than this must not be shown."""
    return max(0.0, budget - math.fsum(costs))


def expected_gap(bits: float, standard_error: float) -> float:
    """Bound on how far the shown score of the submission a team selects lies above its true value, on average.

    standard_error x sqrt(2 ln 2 x bits): Russo and Zou (2016), Controlling Bias in Adaptive Data Analysis Using
    Information Theory, AISTATS, Proposition 1. It is proved for scores that are sub-Gaussian with that standard
    deviation over the choice of the hidden set; for the mean of n losses in [0, 1], whose standard error counts as
    1 / (2 sqrt(n)), it reads sqrt(ln 2 x bits / (2 n)). A correlation is only nearly Gaussian, and its standard error
    varies with the submission: there it is a rule of thumb. It is a worst case; simulated attacks reach less.
    """
    if bits < 0 or standard_error < 0:
        raise ValueError(f"bits and standard error cannot be negative: {bits}, {standard_error}")
    return standard_error * math.sqrt(2 * math.log(2) * bits)
