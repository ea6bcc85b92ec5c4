"""Scores for image quality assessment: correlations, the logistic map of eq. 4, prediction files, answer keys, MOS.

A pure library (numpy only at run time) behind the challenge server, usable alone in a notebook: the same numbers, to
the last digit. "The paper" is AIGIQA-20K, arXiv 2404.03407.

Names are loaded on first use (PEP 562), so `import scoring` costs next to nothing and `import scoring.predictions` does
not pull in the fit.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scoring.answer_key import AnswerKey as AnswerKey
    from scoring.answer_key import InvalidAnswerKey as InvalidAnswerKey
    from scoring.answer_key import read_answer_key as read_answer_key
    from scoring.comparison import Comparison as Comparison
    from scoring.comparison import compare as compare
    from scoring.comparison import compare_draws as compare_draws
    from scoring.correlations import krocc as krocc
    from scoring.correlations import pearson as pearson
    from scoring.correlations import srocc as srocc
    from scoring.diagnostics import Diagnostics as Diagnostics
    from scoring.diagnostics import diagnose as diagnose
    from scoring.evaluation import Evaluation as Evaluation
    from scoring.evaluation import evaluate as evaluate
    from scoring.formula import Formula as Formula
    from scoring.formula import InvalidFormula as InvalidFormula
    from scoring.krasula import roc_analysis as roc_analysis
    from scoring.logistic import LogisticFit as LogisticFit
    from scoring.logistic import fit_logistic as fit_logistic
    from scoring.logistic import plcc as plcc
    from scoring.noise_ceiling import NoiseCeiling as NoiseCeiling
    from scoring.noise_ceiling import estimate_noise_ceiling as estimate_noise_ceiling
    from scoring.opinion_scores import OpinionScores as OpinionScores
    from scoring.opinion_scores import mean_opinion_scores as mean_opinion_scores
    from scoring.pairwise import all_pairs_accuracy as all_pairs_accuracy
    from scoring.pairwise import pairwise_accuracy as pairwise_accuracy
    from scoring.predictions import InvalidPredictions as InvalidPredictions
    from scoring.predictions import Predictions as Predictions
    from scoring.predictions import read_predictions as read_predictions
    from scoring.predictions import validate as validate
    from scoring.presets import PRESETS as PRESETS
    from scoring.presets import preset_formula as preset_formula
    from scoring.ratings import InvalidRatings as InvalidRatings
    from scoring.ratings import Ratings as Ratings
    from scoring.ratings import read_ratings as read_ratings
    from scoring.subject_model import SubjectModel as SubjectModel
    from scoring.subject_model import fit_subject_model as fit_subject_model

# Part of the unique key of every stored score: raise it whenever a change could move any number by any amount.
SCORER_VERSION = "1.1.0"

_HOME = {
    "AnswerKey": "scoring.answer_key",
    "InvalidAnswerKey": "scoring.answer_key",
    "read_answer_key": "scoring.answer_key",
    "Comparison": "scoring.comparison",
    "compare": "scoring.comparison",
    "compare_draws": "scoring.comparison",
    "krocc": "scoring.correlations",
    "pearson": "scoring.correlations",
    "srocc": "scoring.correlations",
    "Diagnostics": "scoring.diagnostics",
    "diagnose": "scoring.diagnostics",
    "Evaluation": "scoring.evaluation",
    "evaluate": "scoring.evaluation",
    "Formula": "scoring.formula",
    "InvalidFormula": "scoring.formula",
    "roc_analysis": "scoring.krasula",
    "LogisticFit": "scoring.logistic",
    "fit_logistic": "scoring.logistic",
    "plcc": "scoring.logistic",
    "all_pairs_accuracy": "scoring.pairwise",
    "pairwise_accuracy": "scoring.pairwise",
    "NoiseCeiling": "scoring.noise_ceiling",
    "estimate_noise_ceiling": "scoring.noise_ceiling",
    "OpinionScores": "scoring.opinion_scores",
    "mean_opinion_scores": "scoring.opinion_scores",
    "InvalidPredictions": "scoring.predictions",
    "Predictions": "scoring.predictions",
    "read_predictions": "scoring.predictions",
    "validate": "scoring.predictions",
    "PRESETS": "scoring.presets",
    "preset_formula": "scoring.presets",
    "InvalidRatings": "scoring.ratings",
    "Ratings": "scoring.ratings",
    "read_ratings": "scoring.ratings",
    "SubjectModel": "scoring.subject_model",
    "fit_subject_model": "scoring.subject_model",
}

__all__ = ["SCORER_VERSION", *sorted(_HOME)]  # noqa: PLE0604 (the names are strings; built from the table above)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'scoring' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
