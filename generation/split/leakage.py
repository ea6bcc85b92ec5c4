"""How many images of a set have a prompt that a model may have seen in training: verbatim, or a near twin of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from generation.problems import InvalidInput
from generation.prompts.text import key
from generation.split.twins import Twins, components, find_twins

TRAIN = "train"
CLUSTER_AT = 80  # twins from here on belong together
LEVELS = (100, 90, 80)  # of similarity, in per cent; 100 is the same key


@dataclass(frozen=True)
class Prompts:
    """Prompts of n images: `key_of[i]` is the place of image i's key in `keys`, `cluster_of[i]` numbers its cluster."""

    keys: list[str]
    key_of: list[int]
    twins: list[Twins]
    cluster_of: list[int]


def group_prompts(prompts: Sequence[str]) -> Prompts:
    """Find all twins among the prompts and the clusters they form: no two clusters have a pair of twins between them.

    Clusters are numbered in the order in which they first occur. A prompt without any letter or digit is its own key.
    """
    places: dict[str, int] = {}
    key_of = [places.setdefault(key(prompt) or prompt, len(places)) for prompt in prompts]
    keys = list(places)
    twins = find_twins(keys, CLUSTER_AT)
    component = components(len(keys), twins)
    number: dict[int, int] = {}
    cluster_of = [number.setdefault(component[place], len(number)) for place in key_of]
    return Prompts(keys, key_of, twins, cluster_of)


def leakage(prompts: Prompts, sets: Sequence[str]) -> dict[str, Any]:
    """{set: {images, verbatim, at_least_90, at_least_80}} for each set but train, each level {count, share} of images.

    sets: the set of each image. "verbatim": equal but for case, punctuation and spacing. Levels include those above.
    Raises InvalidInput when no image is in "train".
    """
    if TRAIN not in sets:
        raise InvalidInput(f"no image is in a set named {TRAIN}; the sets are: {', '.join(sorted(set(sets)))}")
    trained = {key for key, name in zip(prompts.key_of, sets, strict=True) if name == TRAIN}
    nearest = dict.fromkeys(trained, 100.0)
    for first, second, similarity in prompts.twins:
        for one, other in ((first, second), (second, first)):
            if other in trained:
                nearest[one] = max(nearest.get(one, 0.0), similarity)
    report = {}
    for name in dict.fromkeys(sets):
        if name == TRAIN:
            continue
        similarities = [nearest.get(key, 0.0) for key, own in zip(prompts.key_of, sets, strict=True) if own == name]
        report[name] = {"images": len(similarities)} | {
            _label(level): {
                "count": (n := sum(s >= level for s in similarities)),
                "share": round(n / len(similarities), 6),
            }
            for level in LEVELS
        }
    return report


def _label(level: int) -> str:
    return "verbatim" if level == LEVELS[0] else f"at_least_{level}"


def leakage_lines(report: Mapping[str, Any]) -> list[str]:
    """One sentence per set."""
    return [
        f"{name}: of {found['images']} images {_percent(found, 'verbatim')} have a prompt of {TRAIN}, "
        f"{_percent(found, 'at_least_90')} one at least 90 % like it, "
        f"{_percent(found, 'at_least_80')} one at least 80 %"
        for name, found in report.items()
    ]


def _percent(found: Mapping[str, Any], label: str) -> str:
    """Per cent with one decimal, halves up, from the counts."""
    exact = Decimal(100 * found[label]["count"]) / found["images"]
    return f"{exact.quantize(Decimal('0.1'), ROUND_HALF_UP)} %"
