"""Elementary functions and sums that give the same bits on every machine.

IEEE 754 fixes the result of + - * / and sqrt, not that of exp, log and tanh: those of the C library and of numpy's
vector code differ in the last digit from one processor to the next, and so do sums whose order a BLAS chooses. A fit is
an iteration, and where its optimum lies at infinity it stops wherever such digits send it: PLCC then differed by 3e-4
between two processors. Here everything is made of the fixed operations, in a fixed order (numpy adds contiguous numbers
pairwise in blocks, whatever the processor).

Contract: float64 in and out, no exceptions; `exp` and `log` are right to 3 units in the last place.
"""

from __future__ import annotations

import math
from typing import overload

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LN2 = 0.6931471805599453
# ln 2 in two parts, the first so short that a multiple of it by any exponent is exact (Cody and Waite).
_LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
_LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
_TAYLOR = [1.0 / math.factorial(order) for order in range(14, 0, -1)]  # of (e^r - 1) / r, highest order first
_LARGEST, _SMALLEST = 709.0, -745.0
_SATURATED = 20.0  # tanh is 1 to the last bit from here
_CHUNK = 8192  # numbers worked on at a time: the passes over them stay in the cache
_STEPS = 64  # entries of the table of powers of two per octave


@overload
def exp(x: float) -> float: ...
@overload
def exp(x: Floats) -> Floats: ...
def exp(x: float | Floats) -> float | Floats:
    """e^x of a number (inf above 709, 0 below -745) or of each of an array (held at those bounds)."""
    if isinstance(x, np.ndarray):
        return _exp_array(x)
    if not _SMALLEST <= x <= _LARGEST:
        return x if math.isnan(x) else (math.inf if x > 0 else 0.0)
    exponent = round(x / _LN2)
    r = (x - exponent * _LN2_HIGH) - exponent * _LN2_LOW
    total = 0.0
    for coefficient in _TAYLOR:
        total = total * r + coefficient
    return math.ldexp(1.0 + total * r, exponent)


# 2^(i / 64) for one octave, and 2^(-i / 64) down to e^(-2 _SATURATED).
_OCTAVE = np.array([exp(i * _LN2 / _STEPS) for i in range(_STEPS)])
_POWERS = np.array(
    [math.ldexp(_OCTAVE[-i % _STEPS], -i // _STEPS) for i in range(math.ceil(2 * _SATURATED * _STEPS / _LN2) + 1)]
)


def _exp_array(x: Floats) -> Floats:
    bounded = np.clip(x, _SMALLEST, _LARGEST)
    steps = np.rint(bounded * (_STEPS / _LN2))
    r = bounded - steps * (_LN2_HIGH / _STEPS)
    r -= steps * (_LN2_LOW / _STEPS)
    whole = steps.astype(np.int32)
    power = np.ldexp(_OCTAVE[whole % _STEPS], whole // _STEPS)
    return np.asarray(power + power * _less_one(r))


def _less_one(r: Floats) -> Floats:
    """e^r - 1 for |r| < 0.0055: half a step of the tables."""
    series = r * (1 / 120)
    for coefficient in (1 / 24, 1 / 6, 1 / 2, 1.0):
        series += coefficient
        series *= r
    return series


def log(x: float) -> float:
    """Natural logarithm of a positive number."""
    mantissa, exponent = math.frexp(x)
    if mantissa < math.sqrt(0.5):
        mantissa, exponent = 2.0 * mantissa, exponent - 1
    # log m = 2 artanh s = 2 (s + s^3 / 3 + s^5 / 5 + ...), |s| < 0.172
    s = (mantissa - 1.0) / (mantissa + 1.0)
    square, series = s * s, 0.0
    for order in range(23, 0, -2):
        series = series * square + 1.0 / order
    return exponent * _LN2_HIGH + (exponent * _LN2_LOW + 2.0 * s * series)


def tanh(x: Floats) -> Floats:
    """Hyperbolic tangent of an array of any shape, to 3e-16 absolute."""
    flat = np.ascontiguousarray(x).ravel()
    found = np.empty(flat.size)
    for start in range(0, flat.size, _CHUNK):
        _tanh(flat[start : start + _CHUNK], found[start : start + _CHUNK])
    return found.reshape(np.shape(x))


def _tanh(x: Floats, out: Floats) -> None:
    """(1 - E) / (1 + E) with E = e^(-2|x|), its sign put back."""
    y = np.abs(x)
    np.minimum(y, _SATURATED, out=y)
    y *= 2.0
    steps = np.rint(y * (_STEPS / _LN2))
    # e^-y = 2^(-steps / 64) e^r: the power from the table, the rest by a short series.
    r = steps * (_LN2_HIGH / _STEPS)
    r -= y
    r += steps * (_LN2_LOW / _STEPS)
    power = np.take(_POWERS, steps.astype(np.intp), mode="clip")
    series = _less_one(r)
    series *= power
    series += power
    np.subtract(1.0, series, out=r)
    series += 1.0
    r /= series
    np.copysign(r, x, out=out)


def dot(a: Floats, b: Floats) -> float:
    """Sum of the products of two vectors of the same length."""
    return float((a * b).sum())


def row_sums(rows: Floats, weights: Floats) -> Floats:
    """rows @ weights for shapes (m, n) and (n,)."""
    return np.asarray((rows * weights).sum(axis=1))


def interpolate(at: Floats, places: Floats, values: Floats) -> Floats:
    """Linear interpolation of `values` at ascending `places`, constant beyond both ends; shape of `at`."""
    right = np.clip(np.searchsorted(places, at), 1, places.size - 1)
    width = places[right] - places[right - 1]
    share = np.clip((at - places[right - 1]) / width, 0.0, 1.0)
    return np.asarray(values[right - 1] + share * (values[right] - values[right - 1]))
