"""Main-score formulas of past challenges, by name, each with its source and what could not be confirmed.

Contract: `preset_formula` returns a formula over metrics that an evaluation computes, or raises InvalidFormula with the
reason. A challenge that also scored something an answer key `name,mos` does not hold is refused there; its numbers can
still be worked out by giving the missing values: `PRESETS[name].formula.evaluate({... , "rank1": 0.78})`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scoring.formula import Formula, InvalidFormula


@dataclass(frozen=True)
class Preset:
    """A challenge's main score: the formula, where it is from, and {value: why no evaluation computes it}."""

    text: str
    source: str
    given: dict[str, str] = field(default_factory=dict)

    @property
    def formula(self) -> Formula:
        """The checked formula over the metrics and the values of `given`."""
        return Formula(self.text, extra=tuple(self.given))


_PAIR_LIST = "the accuracy over a list of pairs the organisers labelled: see scoring.pairwise.preference_accuracy"

PRESETS = {
    "ntire2024-aigc": Preset(
        "(srocc + plcc) / 2",
        "NTIRE 2024 Quality Assessment of AI-Generated Content (arXiv 2404.16687), AIGIQA-20K; not confirmed: the "
        "mean, and the map behind its PLCC",
    ),
    "ntire2022-pipal": Preset(
        "srocc + plcc",
        "NTIRE 2022 Perceptual IQA (arXiv 2206.11695), PIPAL; not confirmed: that the sum of 2021 was kept, and the "
        "map behind its PLCC",
    ),
    "ntire2021-pipal": Preset(
        "srocc + plcc",
        "NTIRE 2021 Perceptual IQA (arXiv 2105.03072), PIPAL: «main score (SRCC + PLCC)» in the README of the third "
        "place (L2PIPS); not confirmed: the map behind its PLCC",
    ),
    "ntire2024-kvq": Preset(
        "0.45 * srocc + 0.45 * pearson + 0.05 * rank1 + 0.05 * rank2",
        "NTIRE 2024 Short-form UGC Video Quality Assessment (arXiv 2404.11313): the organisers' metric_score.py, which "
        "takes Pearson without a map; rank1 is over pairs of different sources, rank2 of the same source",
        {"rank1": _PAIR_LIST, "rank2": _PAIR_LIST},
    ),
    "ntire2025-t2i-alignment": Preset(
        "srocc / 4 + plcc_logistic4 / 4 + acc / 2",
        "NTIRE 2025 Text to Image Generation Model Quality Assessment, track 1 (arXiv 2505.16314): the organisers' "
        "announcement and evaluate.py, PLCC after a four-parameter logistic",
        {
            "acc": "the share of the prompts' elements (objects, colours, ...) whose presence in the image is told "
            "rightly, no ranking of pairs: it needs a prediction per element, which a file name,score does not hold"
        },
    ),
}


def preset_formula(name: str) -> Formula:
    """The formula of a preset. Raises InvalidFormula for an unknown name or one no evaluation can compute."""
    preset = PRESETS.get(name)
    if preset is None:
        raise InvalidFormula(f"unknown preset {name!r}; known are {', '.join(PRESETS)}")
    if preset.given:
        reasons = "; ".join(f"{value} is {why}" for value, why in preset.given.items())
        raise InvalidFormula(f"preset {name!r} ({preset.text}) needs more than predictions and MOS: {reasons}")
    return preset.formula
