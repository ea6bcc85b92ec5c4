"""Analytic intervals of one correlation and tests of two dependent ones: a cross-check of the bootstrap.

Contract: correlations lie in [-1, 1], n is the number of rows. What a formula leaves undefined is None: an interval
for |r| = 1 or too few rows, a test where a variance vanishes. All of them are asymptotic and take the rows as
independent; Fisher's interval and both tests also take them as jointly Gaussian. The fit of eq. 4 is not accounted for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import NamedTuple

FISHER = ("pearson", "plcc", "plcc_logistic4")


class DependentTest(NamedTuple):
    """A test statistic, its degrees of freedom (None: standard normal) and the two-sided p-value."""

    statistic: float
    df: int | None
    p: float


def analytic_intervals(values: Mapping[str, float | None], n: int, level: float = 0.95) -> dict[str, list[float]]:
    """{metric: [low, high]} for the correlations in `values` that have a formula here; undefined ones are absent.

    `values` is {metric: value}, for instance `Evaluation.to_dict()`; other entries (main, rmse, ...) are ignored.
    """
    rules = dict.fromkeys(FISHER, fisher_interval) | {
        "srocc": bonett_wright_interval,
        "krocc": fieller_interval,
    }
    found = {}
    for name, rule in rules.items():
        value = values.get(name)
        interval = None if value is None else rule(value, n, level)
        if interval is not None:
            found[name] = interval
    return found


def fisher_interval(r: float, n: int, level: float = 0.95) -> list[float] | None:
    """Pearson: tanh(artanh r -+ q / sqrt(n - 3)), q the normal quantile of (1 + level) / 2.

    Fisher (1921), On the "probable error" of a coefficient of correlation deduced from a small sample, Metron 1.
    """
    return _on_fishers_scale(r, 1.0, n - 3, level)


def bonett_wright_interval(r: float, n: int, level: float = 0.95) -> list[float] | None:
    """Spearman: tanh(artanh r -+ q sqrt((1 + r^2 / 2) / (n - 3))).

    Bonett and Wright (2000), Sample size requirements for estimating Pearson, Kendall and Spearman correlations,
    Psychometrika 65. Meant for n of 25 or more and |r| below 0.95.
    """
    return _on_fishers_scale(r, 1 + r * r / 2, n - 3, level)


def fieller_interval(r: float, n: int, level: float = 0.95) -> list[float] | None:
    """Kendall: tanh(artanh r -+ q sqrt(0.437 / (n - 4))).

    Fieller, Hartley and Pearson (1957), Tests for rank correlation coefficients I, Biometrika 44. Meant for samples
    without ties and |r| below 0.8; for heavily tied predictions read the bootstrap instead.
    """
    return _on_fishers_scale(r, 0.437, n - 4, level)


def _on_fishers_scale(r: float, numerator: float, rows: int, level: float) -> list[float] | None:
    if rows < 1 or not -1 < r < 1:
        return None
    half = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(numerator / rows)
    return [math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)]


def steiger_test(first: float, second: float, between: float, n: int) -> DependentTest | None:
    """Do two correlations with the same variable differ? `between` is the correlation of the other two variables.

    z = (artanh r1 - artanh r2) sqrt(n - 3) / sqrt(2 - 2 c), standard normal where they do not; with the mean
    m = (r1 + r2) / 2 and c = (r12 (1 - 2 m^2) - m^2 (1 - 2 m^2 - r12^2) / 2) / (1 - m^2)^2.
    Steiger (1980), Tests for comparing elements of a correlation matrix, Psychological Bulletin 87, formulas 10, 14.
    """
    if n < 4 or not (-1 < first < 1 and -1 < second < 1):
        return None
    square = ((first + second) / 2) ** 2
    covariance = between * (1 - 2 * square) - square * (1 - 2 * square - between * between) / 2
    variance = 2 - 2 * covariance / (1 - square) ** 2
    if variance <= 0:
        return None
    z = (math.atanh(first) - math.atanh(second)) * math.sqrt((n - 3) / variance)
    return DependentTest(z, None, normal_p(z))


def williams_test(first: float, second: float, between: float, n: int) -> DependentTest | None:
    """Do two correlations with the same variable differ? `between` is the correlation of the other two variables.

    t = (r1 - r2) sqrt((n - 1)(1 + r12) / (2 |R| (n - 1) / (n - 3) + m^2 (1 - r12)^3)), Student's t with n - 3 degrees
    of freedom where they do not; m = (r1 + r2) / 2, |R| = 1 - r1^2 - r2^2 - r12^2 + 2 r1 r2 r12.
    Williams (1959), The comparison of regression variables, J. R. Stat. Soc. B 21; the form in Steiger (1980), T2.
    """
    if n < 4:
        return None
    determinant = 1 - first**2 - second**2 - between**2 + 2 * first * second * between
    mean = (first + second) / 2
    spread = 2 * max(determinant, 0.0) * (n - 1) / (n - 3) + mean**2 * (1 - between) ** 3
    if spread <= 0:
        return None
    t = (first - second) * math.sqrt((n - 1) * (1 + between) / spread)
    return DependentTest(t, n - 3, student_p(t, n - 3))


def normal_p(z: float) -> float:
    """Two-sided p-value of a standard normal statistic."""
    return math.erfc(abs(z) / math.sqrt(2))


def student_p(t: float, df: int) -> float:
    """Two-sided p-value of Student's t: the incomplete beta function I(df / 2, 1 / 2) at df / (df + t^2)."""
    return _incomplete_beta(df / 2, 0.5, df / (df + t * t), t * t / (df + t * t))


def student_quantile(share: float, df: int) -> float:
    """The value below which Student's t lies with probability `share`, from 0.5 to below 1 (by bisection)."""
    high = 1.0
    while 1 - student_p(high, df) / 2 < share:
        high *= 2
    low = 0.0
    for _ in range(60):  # halves the bracket to the last bit
        middle = (low + high) / 2
        if 1 - student_p(middle, df) / 2 < share:
            low = middle
        else:
            high = middle
    return high


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """Regularised incomplete beta function at x; rest is 1 - x, given apart so that neither loses digits."""
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, rest, x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    return math.exp(log_front) * _beta_fraction(a, b, x) / a


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function (DLMF 8.17.22), by the modified Lentz method."""
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 500):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            c = 1 + term / c
            d = 1 / (1 + term * d)
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value
