"""Figure 6 of the paper: opinion scores at the default of a generation parameter against all other values, per model.

Panels (a) CFG, (b) iterations, (c) resolution; in each the models that have images of both kinds. The paper compares
means. Where parameters go together, and in any plan with extra all-default images they do, that comparison is biased
(docs/database-plan.md, section 3), so every group also has *adjusted* numbers: least squares, for each model, of the
score on which of its parameters are not the default,

    score = b0 + sum of b_f x_f + noise,   x_f = 1 where parameter f is not the default, else 0,

from which the effects of the *other* parameters are taken out of every score, relative to their average in the model.
The adjusted means of the two groups differ by exactly b_f (least-squares means, Searle, Speed and Milliken 1980);
`ci95` is from the covariance of the estimates, with n - p degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from generation.figures.groups import Flags, Floats, student, summary

# Panel -> the plan's flag, in the paper's order.
FACTORS = {"cfg": "cfg_default", "iterations": "iteration_default", "resolution": "resolution_default"}
NOT_APART = "the parameters of this model are never apart from each other: they have no effects of their own"
TOO_FEW = "too few images"


def figure6(mos: Floats, models: Sequence[str], is_default: Mapping[str, Flags], *, least: int = 1) -> dict[str, Any]:
    """The numbers of the figure, JSON-safe.

    mos: finite scores, shape (n,). models: n names. is_default: for each of FACTORS whether the image has the model's
    default, shape (n,). least: groups of fewer images show their n only.

    `panels` holds per factor: `models`, sorted by name, each with `default` and `abnormal` ({n, mean, std, ci95,
    adjusted: {mean, std, ci95}}), `difference` (of means, abnormal - default), `effect` (adjusted: {difference, ci95})
    and `reason`, why there is nothing adjusted; and `confounding`: for each other factor the shares of images with
    another value than its default, among the panel's `default` and `abnormal` images.
    """
    abnormal = {factor: ~np.asarray(is_default[factor], dtype=np.bool_) for factor in FACTORS}
    named = np.array(models, dtype=object)
    places = {model: np.flatnonzero(named == model) for model in sorted(set(models))}
    panels = []
    for factor in FACTORS:
        varied = {m: rows for m, rows in places.items() if 0 < np.count_nonzero(abnormal[factor][rows]) < rows.size}
        shown = [
            _model(mos[rows], {f: x[rows] for f, x in abnormal.items()}, factor, least) for rows in varied.values()
        ]
        panel: dict[str, Any] = {
            "factor": factor,
            "models": [{"model": model, **found} for model, found in zip(varied, shown, strict=True)],
        }
        if varied:
            panel["confounding"] = _confounding(np.concatenate(list(varied.values())), abnormal, factor)
        panels.append(panel)
    return {"figure": "6", "n": int(mos.size), "least": least, "panels": panels}


def _model(mos: Floats, abnormal: Mapping[str, Flags], factor: str, least: int) -> dict[str, Any]:
    """One model of one panel; `abnormal` has both kinds of the panel's `factor`."""
    groups = {"default": ~abnormal[factor], "abnormal": abnormal[factor]}
    found: dict[str, Any] = {name: summary(mos[chosen], least) for name, chosen in groups.items()}
    enough = all(one["mean"] is not None for one in found.values())
    found["difference"] = found["abnormal"]["mean"] - found["default"]["mean"] if enough else None
    fit, reason = adjusted(mos, abnormal, factor) if enough else (None, TOO_FEW)
    for name in groups:
        found[name]["adjusted"] = None if fit is None else fit[name]
    found["effect"], found["reason"] = None if fit is None else fit["effect"], reason
    return found


def adjusted(mos: Floats, abnormal: Mapping[str, Flags], factor: str) -> tuple[dict[str, Any] | None, str]:
    """The regression of the module's head for one model: {default, abnormal: {mean, std, ci95}, effect: {difference,
    ci95}}; or None and why.

    Parameters that do not vary here are left out. `std` is that of the scores without the other parameters' effects.
    """
    varied = [f for f, x in abnormal.items() if f == factor or 0 < np.count_nonzero(x) < x.size]
    columns = np.column_stack([np.ones(mos.size), *(abnormal[f] for f in varied)]).astype(np.float64)
    n, p = columns.shape
    if n <= p:
        return None, TOO_FEW
    if np.linalg.matrix_rank(columns) < p:
        return None, NOT_APART
    normal = columns.T @ columns
    slopes = np.linalg.solve(normal, columns.T @ mos)
    residuals = mos - columns @ slopes
    noise = float(residuals @ residuals) / (n - p)
    covariance = noise * np.linalg.inv(normal)
    own = 1 + varied.index(factor)
    average = columns.mean(axis=0)
    average[own] = 0
    without = residuals + columns[:, own] * slopes[own] + float(average @ slopes)
    found: dict[str, Any] = {}
    for name, level in (("default", 0.0), ("abnormal", 1.0)):
        at = average.copy()
        at[own] = level
        group = without[abnormal[factor] == bool(level)]
        found[name] = {
            "mean": float(at @ slopes),
            "std": float(group.std(ddof=1)) if group.size > 1 else None,
            "ci95": student(n - p) * float(np.sqrt(at @ covariance @ at)),
        }
    found["effect"] = {
        "difference": float(slopes[own]),
        "ci95": student(n - p) * float(np.sqrt(covariance[own, own])),
    }
    return found, ""


def _confounding(rows: Any, abnormal: Mapping[str, Flags], factor: str) -> dict[str, dict[str, float]]:
    chosen = abnormal[factor][rows]
    return {
        other: {"default": float(flags[rows][~chosen].mean()), "abnormal": float(flags[rows][chosen].mean())}
        for other, flags in abnormal.items()
        if other != factor
    }
