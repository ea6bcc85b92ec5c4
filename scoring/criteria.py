"""Further criteria: errors after mapping (ITU-T P.1401), ROC analysis of pairs (Krasula), pairwise accuracy.

ITU-T P.1401 (01/2020), Methods, metrics and procedures for statistical evaluation, qualification and comparison of
objective quality prediction models. With e_i the MOS minus the mapped prediction, N images, d the number of
coefficients of the map (eq. 4: 5) and CI95_i = t(0.975, n_i - 1) s_i / sqrt(n_i):

    rmse_p1401      sqrt(sum e_i^2 / (N - d)), clause 7.5.1
    rmse_star       sqrt(sum max(0, |e_i| - CI95_i)^2 / (N - d)), epsilon-insensitive, clause 7.7
    outlier_ratio   share of images with |e_i| > CI95_i, clause 7.5.2.2

The Recommendation maps by a monotone polynomial of third order; the errors here are those of eq. 4, as in the paper.
Its text could not be had: docs/scoring.md says what was checked against what.

Contract: `measure` returns a float or None for every criterion asked for, and a reason for every None. Nothing is
resampled.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.analytic import student_quantile
from scoring.answer_key import AnswerKey
from scoring.correlations import as_pair, is_constant, power_of_two
from scoring.formula import CRITERIA
from scoring.krasula import roc_analysis
from scoring.logistic import LogisticFit
from scoring.pairwise import all_pairs_accuracy

Floats = NDArray[np.float64]
Found = dict[str, "float | str"]  # a value, or the reason why there is none

MAP_COEFFICIENTS = 5  # of eq. 4
_PER_ROC = ("pairs_different", "pairs_similar", "threshold_95")  # told beside the three areas


def confidence_half_widths(mos_std: ArrayLike, n_ratings: ArrayLike, level: float = 0.95) -> Floats:
    """CI_i = t((1 + level) / 2, n_i - 1) s_i / sqrt(n_i) in MOS units, shape (n,).

    Student's quantile for every n_i (others take 1.96 from 30 ratings on: at most 4 % less). Raises ValueError on
    fewer than two ratings.
    """
    std, count = as_pair(mos_std, n_ratings)
    if (count < 2).any():
        raise ValueError("a confidence interval needs at least two ratings")
    sizes, place = np.unique(count, return_inverse=True)
    quantiles = np.array([student_quantile(level, int(size) - 1) for size in sizes])
    return np.asarray(quantiles[place] * std / np.sqrt(count))


def rmse_after_mapping(errors: ArrayLike, coefficients: int = MAP_COEFFICIENTS) -> float:
    """sqrt(sum e^2 / (N - d)) in MOS units, ITU-T P.1401 clause 7.5.1; nan unless N > d."""
    e = np.asarray(errors, dtype=np.float64)
    if e.size <= coefficients:
        return math.nan
    unit = power_of_two(e)
    return unit * math.sqrt(float(np.square(e / unit).sum()) / (e.size - coefficients))


def rmse_star(errors: ArrayLike, half_widths: ArrayLike, coefficients: int = MAP_COEFFICIENTS) -> float:
    """Epsilon-insensitive RMSE in MOS units: only what an error exceeds CI95 by counts, P.1401 clause 7.7."""
    e, ci = as_pair(errors, half_widths)
    return rmse_after_mapping(np.maximum(np.abs(e) - ci, 0.0), coefficients)


def outlier_ratio(errors: ArrayLike, half_widths: ArrayLike) -> float:
    """Share of images in [0, 1] whose error lies outside their CI95, P.1401 clause 7.5.2.2; nan for no image."""
    e, ci = as_pair(errors, half_widths)
    return float(np.mean(np.abs(e) > ci)) if e.size else math.nan


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows scored: predictions x, MOS y, and what the key says beside the MOS; all of shape (n,) or None.

    `groups` holds the codes of pair_group, -1 for a row that is compared with none.
    """

    x: Floats
    y: Floats
    mos_std: Floats | None = None
    n_ratings: Floats | None = None
    groups: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, key: AnswerKey, x: Floats) -> Rows:
        """The rows of the key in the order of names, with the predictions x in that order."""
        order = key.order
        groups = None
        if key.pair_group is not None:
            codes = {label: code for code, label in enumerate(sorted(set(key.pair_group) - {""}))}
            groups = np.array([codes.get(key.pair_group[row], -1) for row in order.tolist()], dtype=np.int64)
        std, count = (None if column is None else column[order] for column in (key.mos_std, key.n_ratings))
        return cls(x, key.mos[order], std, count, groups)

    def take(self, rows: list[int]) -> Rows:
        """Some of the rows."""
        std, count = (None if column is None else column[rows] for column in (self.mos_std, self.n_ratings))
        groups = None if self.groups is None else self.groups[rows]
        return Rows(self.x[rows], self.y[rows], std, count, groups)


def measure(
    wanted: Collection[str], rows: Rows, fit: LogisticFit
) -> tuple[dict[str, float | int | None], dict[str, str]]:
    """(values, reasons) of the criteria wanted, in the order of CRITERIA; `fit` is eq. 4 on the same rows."""
    found: Found = {}
    for names, rule in (
        (("rmse_p1401",), _plain_error),
        (("rmse_star", "outlier_ratio"), _errors_beyond_raters),
        (("auc_ds", "auc_bw", "cc_0"), _roc),
        (("pair_accuracy",), _pair_accuracy),
        (("pair_accuracy_within",), _pair_accuracy_within),
    ):
        if not set(names).isdisjoint(wanted):
            found |= rule(rows, fit)
    shown = [name for name in (*CRITERIA, *_PER_ROC) if name in found and (name in wanted or name in _PER_ROC)]
    reasons = {name: value for name in shown if isinstance(value := found[name], str)}
    return {name: None if isinstance(value := found[name], str) else value for name in shown}, reasons


def _plain_error(rows: Rows, fit: LogisticFit) -> Found:
    return {"rmse_p1401": fit.reason or rmse_after_mapping(rows.y - fit.predict(rows.x))}


def _errors_beyond_raters(rows: Rows, fit: LogisticFit) -> Found:
    reason = fit.reason or _why_no_spread(rows, at_least=2)
    if reason or rows.mos_std is None or rows.n_ratings is None:
        return dict.fromkeys(("rmse_star", "outlier_ratio"), reason)
    errors = rows.y - fit.predict(rows.x)
    widths = confidence_half_widths(rows.mos_std, rows.n_ratings)
    return {"rmse_star": rmse_star(errors, widths), "outlier_ratio": outlier_ratio(errors, widths)}


def _roc(rows: Rows, _: LogisticFit) -> Found:
    names = ("auc_ds", "auc_bw", "cc_0")
    reason = _why_no_order(rows) or _why_no_spread(rows, at_least=1)
    if reason or rows.mos_std is None or rows.n_ratings is None:
        return dict.fromkeys(names, reason)
    roc = roc_analysis(rows.x, rows.y, rows.mos_std, rows.n_ratings)
    found: Found = {"pairs_different": roc.different, "pairs_similar": roc.similar}
    if roc.similar:
        found["threshold_95"] = roc.threshold_95
    if not roc.different:
        return found | dict.fromkeys(names, "no two MOS differ significantly")
    similar = roc.auc_ds if roc.similar else "all pairs of MOS differ significantly"
    return found | {"auc_ds": similar, "auc_bw": roc.auc_bw, "cc_0": roc.cc_0}


def _pair_accuracy(rows: Rows, _: LogisticFit) -> Found:
    return {"pair_accuracy": _why_no_order(rows) or all_pairs_accuracy(rows.x, rows.y)}


def _pair_accuracy_within(rows: Rows, _: LogisticFit) -> Found:
    name = "pair_accuracy_within"
    if rows.groups is None:
        return {name: "the answer key has no column pair_group"}
    reason = _why_no_order(rows)
    value = math.nan if reason else all_pairs_accuracy(rows.x, rows.y, rows.groups)
    return {name: reason or (value if math.isfinite(value) else "no two images of a pair_group have different MOS")}


def _why_no_order(rows: Rows) -> str:
    if rows.x.size < 2:
        return f"n = {rows.x.size}: a pair needs 2 rows"
    if is_constant(rows.x):
        return "all predictions are the same"
    return "all MOS are the same" if is_constant(rows.y) else ""


def _why_no_spread(rows: Rows, *, at_least: int) -> str:
    lacking = [name for name in ("mos_std", "n_ratings") if getattr(rows, name) is None]
    if lacking:
        return f"the answer key has no column {' and no column '.join(lacking)}"
    if rows.n_ratings is not None and (rows.n_ratings < at_least).any():
        return f"an image has fewer than {at_least} ratings"
    return ""
