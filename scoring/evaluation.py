"""One evaluation: predictions against an answer key, all metrics, subsets, reasons and warnings.

Contract: rows are aligned by name and processed in ascending order of name, so the order of rows in a file cannot
change a bit of any result. Every name of the key must have exactly one finite prediction, and no other name may occur
(InvalidPredictions otherwise). What is undefined is None with a reason, never 0 and never nan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring import SCORER_VERSION
from scoring.answer_key import AnswerKey
from scoring.correlations import is_constant, krocc, pearson, srocc
from scoring.criteria import Rows, measure
from scoring.formula import CRITERIA, DEFAULT_FORMULA, Formula
from scoring.inputs import as_answer_key, as_predictions
from scoring.intervals import bootstrap_draws, intervals_of
from scoring.logistic import LogisticFit, finite_or_none, fit_logistic
from scoring.scratch import Scratch

Floats = NDArray[np.float64]

MAX_GROUPS = 50
OPTIMISTIC_BELOW = 200
RATIO_RANGE = (0.64, 0.85)  # KRoCC / SRoCC of real data: 0.667 (weak) to 0.82 (two-valued)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of one submission. Correlations lie in [-1, 1]; rmse is in MOS units; None: undefined, see reasons.

    `names`, `predictions` and `mos` are the aligned rows (ascending name), shape (n,); `fit` draws the curve; `draws`
    has the main score on each resample, shape (resamples,), nan where undefined (empty without a bootstrap).
    `criteria` holds what was asked for beyond the fixed metrics (see scoring.criteria), usually nothing.
    """

    main: float | None
    srocc: float | None
    krocc: float | None
    plcc: float | None
    pearson: float | None
    plcc_logistic4: float | None
    rmse: float | None
    n: int
    formula: str
    scorer_version: str
    fit: LogisticFit = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    predictions: Floats = field(repr=False)
    mos: Floats = field(repr=False)
    draws: Floats = field(repr=False)
    intervals: dict[str, list[float]] = field(default_factory=dict)
    subsets: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    criteria: dict[str, float | int | None] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form: Python floats, None where undefined; without names and values."""
        result: dict[str, Any] = {
            "main": self.main,
            "srocc": self.srocc,
            "krocc": self.krocc,
            "plcc": self.plcc,
            "pearson": self.pearson,
            "plcc_logistic4": self.plcc_logistic4,
            "rmse": self.rmse,
            "n": self.n,
            "formula": self.formula,
            "scorer_version": self.scorer_version,
            "intervals": self.intervals,
            "logistic": self.fit.to_dict(),
            "subsets": self.subsets,
            "reasons": self.reasons,
            "warnings": list(self.warnings),
        }
        return result | {"criteria": dict(self.criteria)} if self.criteria else result


@dataclass(frozen=True)
class _Metrics:
    values: dict[str, float | None]
    criteria: dict[str, float | int | None]
    reasons: dict[str, str]
    fit: LogisticFit
    fit4: LogisticFit | None


@dataclass(frozen=True)
class _Resampling:
    """How the intervals of an evaluation are drawn; its formula."""

    formula: Formula
    resamples: int
    seed: int
    refit: bool
    scratch: Scratch

    def draws(self, rows: Rows, metrics: _Metrics) -> dict[str, Floats]:
        """`bootstrap_draws` of these rows; empty without a bootstrap."""
        if self.resamples == 0:
            return {}
        return bootstrap_draws(
            *(rows.x, rows.y, metrics.fit, metrics.fit4, self.formula),
            resamples=self.resamples,
            seed=self.seed,
            scratch=self.scratch,
            refit=self.refit,
        )


def evaluate(
    predictions: Any,
    key: Any,
    subsets: Sequence[str] | Mapping[str, Mapping[str, object]] | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    *,
    formula: str | Formula = DEFAULT_FORMULA,
    criteria: bool = False,
    refit: bool = False,
) -> Evaluation:
    """Score predictions against an answer key.

    predictions, key: mapping name -> value, DataFrame (name and score / mos columns), path, Predictions or AnswerKey.
    subsets: None for every further column of the key, a list of its columns, or {column: {name: label}}.
    bootstrap: number of resamples for the 95 % intervals, overall and per subset (0: none); seed: which resamples. Rows
    of a subset are drawn from the subset.
    refit: whether PLCC and RMSE fit their map anew on each resample; by default it is held fixed.
    criteria: whether to compute every one of scoring.formula.CRITERIA (seconds at n of 4,000 and more); those that the
    formula uses are computed in any case.
    Raises InvalidPredictions, InvalidAnswerKey, InvalidFormula, or ValueError for an unknown subset column.
    """
    main_formula = formula if isinstance(formula, Formula) else Formula(formula)
    answers = as_answer_key(key)
    order = answers.order
    names = tuple(answers.names[i] for i in order.tolist())
    scores = as_predictions(predictions, answers.names).as_mapping()
    x = np.array([scores[name] for name in names], dtype=np.float64)
    rows = Rows.of(answers, x)
    y = rows.y
    wanted = CRITERIA if criteria else main_formula.criteria
    whole = _measure(rows, main_formula, wanted, with_logistic4=True)
    reasons = dict(whole.reasons)
    warnings = _warnings(whole, x.size)
    resampling = _Resampling(main_formula, bootstrap, seed, refit, Scratch())
    draws = resampling.draws(rows, whole)
    if bootstrap > 0 and main_formula.criteria:
        reasons["intervals.main"] = f"{', '.join(main_formula.criteria)}: not computed on resamples"
    groups, group_reasons = _subset_scores(_chosen_subsets(answers, subsets), order, rows, resampling)
    return Evaluation(
        **whole.values,
        n=int(x.size),
        formula=main_formula.text,
        scorer_version=SCORER_VERSION,
        fit=whole.fit,
        names=names,
        predictions=x,
        mos=y,
        draws=draws.get("main", np.full(bootstrap, np.nan)),
        intervals=intervals_of(draws),
        subsets=groups,
        reasons=reasons | group_reasons,
        warnings=(*warnings, *group_reasons.values()),
        criteria=whole.criteria,
    )


def _measure(rows: Rows, formula: Formula, wanted: Collection[str], *, with_logistic4: bool) -> _Metrics:
    """All metrics of one set of rows and the criteria wanted, with a reason for each that is undefined."""
    x, y = rows.x, rows.y
    fit = fit_logistic(x, y)
    fit4 = fit_logistic(x, y, form="logistic4") if with_logistic4 or "plcc_logistic4" in formula.metrics else None
    raw = {
        "srocc": srocc(x, y),
        "krocc": krocc(x, y),
        "pearson": pearson(x, y),
        "plcc": fit.plcc,
        "rmse": fit.rmse,
        "plcc_logistic4": fit4.plcc if fit4 is not None else float("nan"),
    }
    values = {name: finite_or_none(value) for name, value in raw.items()}
    rank_reason = _why_undefined(x, y)
    reasons = {}
    for name, value in values.items():
        if value is None and (name != "plcc_logistic4" or fit4 is not None):
            reasons[name] = rank_reason if name in ("srocc", "krocc", "pearson") else fit.reason
    criteria: dict[str, float | int | None] = {}
    if wanted:
        criteria, criteria_reasons = measure(wanted, rows, fit)
        reasons |= criteria_reasons
    known = values | criteria
    values["main"] = formula.evaluate(known)
    if values["main"] is None:
        reasons["main"] = _why_no_main(formula, known, reasons)
    return _Metrics(values, criteria, reasons, fit, fit4)


def _why_no_main(formula: Formula, values: Mapping[str, float | None], reasons: Mapping[str, str]) -> str:
    lacking = [name for name in formula.metrics if values[name] is None]
    if not lacking:
        return "the formula has no finite value"
    return f"{', '.join(lacking)} undefined: {reasons.get(lacking[0], '')}"


def _why_undefined(x: Floats, y: Floats) -> str:
    if x.size < 2:
        return f"n = {x.size}: a correlation needs at least 2 rows"
    if is_constant(x):
        return "all predictions are the same"
    return "all MOS are the same" if is_constant(y) else ""


def _warnings(metrics: _Metrics, n: int) -> list[str]:
    found = []
    fit, values = metrics.fit, metrics.values
    if fit.reason:
        found.append(f"mapped PLCC undefined: {fit.reason}")
    elif n < OPTIMISTIC_BELOW:
        found.append(f"n < {OPTIMISTIC_BELOW}: mapped PLCC is optimistic")
    if fit.direction < 0:
        found.append("direction: the fitted map falls, so PLCC is negative (are higher scores better quality?)")
    if not fit.reason and not fit.monotone:
        found.append("the fitted map is not monotone over the predictions")
    rho, tau = values["srocc"], values["krocc"]
    if rho is not None and tau is not None and n >= OPTIMISTIC_BELOW and abs(rho) > 0.2:
        ratio = tau / rho
        if not RATIO_RANGE[0] <= ratio <= RATIO_RANGE[1]:
            found.append(f"KRoCC / SRoCC = {ratio:.3f} is outside the usual {RATIO_RANGE[0]} to {RATIO_RANGE[1]}")
    return found


def _chosen_subsets(
    answers: AnswerKey, subsets: Sequence[str] | Mapping[str, Mapping[str, object]] | None
) -> dict[str, list[str]]:
    """Labels per column in the key's order."""
    if subsets is None:
        return answers.subsets
    if isinstance(subsets, Mapping):
        return {
            column: ["" if (label := labels.get(name)) is None else str(label) for name in answers.names]
            for column, labels in subsets.items()
        }
    unknown = [column for column in subsets if column not in answers.subsets]
    if unknown:
        raise ValueError(f"the answer key has no column {', '.join(map(repr, unknown))}")
    return {column: answers.subsets[column] for column in subsets}


def _subset_scores(
    columns: Mapping[str, Sequence[str]],
    order: NDArray[np.intp],
    rows: Rows,
    resampling: _Resampling,
) -> tuple[dict[str, dict[str, dict[str, Any]]], dict[str, str]]:
    """{column: {group: scores}} and, for columns that are no categories, the reason under "subsets.<column>"."""
    scores: dict[str, dict[str, dict[str, Any]]] = {}
    reasons: dict[str, str] = {}
    for column, labels in columns.items():
        members: dict[str, list[int]] = {}
        for place, row in enumerate(order.tolist()):
            if labels[row] != "":
                members.setdefault(labels[row], []).append(place)
        groups = sorted(members)
        scores[column] = {}
        if len(groups) > MAX_GROUPS:
            reasons[f"subsets.{column}"] = (
                f"column {column!r} has {len(groups)} different values: beyond {MAX_GROUPS} it is no category"
            )
            continue
        for group in groups:
            scores[column][group] = _group_scores(rows.take(members[group]), resampling)
    return scores, reasons


def _group_scores(rows: Rows, resampling: _Resampling) -> dict[str, Any]:
    metrics = _measure(rows, resampling.formula, resampling.formula.criteria, with_logistic4=False)
    shown = ("main", "srocc", "krocc", "plcc", "rmse")
    intervals = intervals_of(resampling.draws(rows, metrics))
    return {
        "n": int(rows.x.size),
        **{name: metrics.values[name] for name in shown},
        "intervals": {name: interval for name, interval in intervals.items() if name in shown},
        "reasons": {name: reason for name, reason in metrics.reasons.items() if name in shown},
    }
