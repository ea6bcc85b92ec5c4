"""The levels of iterations, CFG and resolution, their shares, and the values they stand for (paper, section 3.2).

Contract: what is stored is the same on every machine. Exponentials are taken in decimal arithmetic, whose results are
specified to the last digit (General Decimal Arithmetic: `exp` and `ln` are correctly rounded), never with the libm.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

from generation.catalogue.models import FACTORS

_DECIMAL = Context(prec=30, rounding=ROUND_HALF_EVEN)
_CENT = Decimal("0.01")

RANDOM = "random"
RANDOM_CFG = ("log-uniform", "uniform")


@dataclass(frozen=True)
class Factor:
    """Something that varies. The first level is the default; `shares` are the paper's, in per cent."""

    name: str
    levels: tuple[str, ...]
    shares: tuple[int, ...]

    @property
    def third_default(self) -> tuple[int, ...]:
        """Weights with a default share of 1/3 and the others in the paper's proportions."""
        others = self.shares[1:]
        return (sum(others), *(2 * share for share in others))


FACTOR = {
    factor.name: factor
    for factor in (
        Factor(FACTORS[0], ("1", "0.5", "0.25"), (50, 25, 25)),
        Factor(FACTORS[1], ("1", "0.5", "2", RANDOM), (50, 20, 20, 10)),
        Factor(FACTORS[2], ("1:1", "3:4", "4:3", "9:16", "16:9", RANDOM), (50, 10, 10, 10, 10, 10)),
    )
}


def iterations_at(default: int, level: str) -> int:
    """Steps at a level, halves rounded up: 40 -> 40, 20, 10; 4 -> 4, 2, 1."""
    divisor = {"1": 1, "0.5": 2, "0.25": 4}[level]
    return (2 * default + divisor) // (2 * divisor)


def cfg_at(default: Decimal, level: str, place: Decimal | None = None, law: str = RANDOM_CFG[0]) -> Decimal:
    """Guidance scale at a level, to two decimals.

    The random level is default times a factor from [0.5, 2]; `place` in (0, 1) says where in its distribution. Law
    "log-uniform": 2 ** (2 place - 1), so that halving and doubling are equally far; "uniform": 0.5 + 1.5 place.
    """
    if level != RANDOM:
        factor = Decimal(level)
    elif place is None:
        raise ValueError("the random level needs a place in its distribution")
    elif law == "uniform":
        factor = _DECIMAL.fma(Decimal("1.5"), place, Decimal("0.5"))
    else:
        factor = _DECIMAL.exp(_DECIMAL.multiply(_DECIMAL.ln(Decimal(2)), _signed(place)))
    return _DECIMAL.multiply(default, factor).quantize(_CENT, context=_DECIMAL)


def size_at(longest_edge: int, quantum: int, level: str, place: Decimal | None = None) -> tuple[int, int]:
    """(width, height) in pixels at a level width:height: one is `longest_edge`, the other a multiple of `quantum`.

    The random level is log-uniform between 9:16 and 16:9, so half are landscape (uniform: 64 %).
    """
    if level != RANDOM:
        width, height = map(int, level.split(":"))
        landscape = width > height
        shorter = _DECIMAL.divide(Decimal(longest_edge * min(width, height)), Decimal(max(width, height)))
    elif place is None:
        raise ValueError("the random level needs a place in its distribution")
    else:
        landscape = _signed(place) > 0
        widest = _DECIMAL.ln(_DECIMAL.divide(Decimal(16), Decimal(9)))
        ratio = _DECIMAL.exp(_DECIMAL.multiply(widest, -abs(_signed(place))))
        shorter = _DECIMAL.multiply(Decimal(longest_edge), ratio)
    quanta = _DECIMAL.divide(shorter, Decimal(quantum)).to_integral_value(ROUND_HALF_EVEN)
    edge = max(1, int(quanta)) * quantum
    return (longest_edge, edge) if landscape else (edge, longest_edge)


def stratum_place(rank: int, of: int, within: int) -> Decimal:
    """A place in (0, 1): in the `rank`-th (from 0) of `of` equal strata, at `within` of 2**32 equal steps."""
    return _DECIMAL.divide(Decimal((rank << 33) + 2 * within + 1), Decimal(of << 33))


def _signed(place: Decimal) -> Decimal:
    """(0, 1) -> (-1, 1)."""
    return _DECIMAL.fma(Decimal(2), place, Decimal(-1))
