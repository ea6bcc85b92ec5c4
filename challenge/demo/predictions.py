"""Predictions of the demo's rows. Each uses the public training MOS and file names only, as a participant could.

So the best of them is «the mean of the generator»: on these data a metric that scores below it explains less than the
name of the model that drew the image.
"""

import random
import statistics
from collections import defaultdict
from collections.abc import Callable
from functools import cache

from challenge.demo.dataset import DemoImage, csv_of, demo_tables

Rule = Callable[[DemoImage], float]


@cache
def _training_mos() -> dict[str, list[float]]:
    by_generator: dict[str, list[float]] = defaultdict(list)
    for image in demo_tables()["train"]:
        by_generator[image.generator].append(float(image.mos))
    return dict(by_generator)


@cache
def _means() -> dict[str, float]:
    return {generator: statistics.fmean(values) for generator, values in _training_mos().items()}


def generator_mean(image: DemoImage) -> float:
    """The mean training MOS of the image's generator."""
    return _means()[image.generator]


def constant(image: DemoImage) -> float:
    """The same number for every image: no correlation is defined."""
    return 2.5


def half_stars(image: DemoImage) -> float:
    """The generator's mean to half a star: heavily tied."""
    return round(2 * generator_mean(image)) / 2


def inverted(image: DemoImage) -> float:
    """The generator's mean the wrong way round: correlations are negative, as they should be."""
    return 5.0 - generator_mean(image)


def noisy_mean(deviation: float, seed: int) -> Rule:
    """The generator's mean plus Gaussian noise of this standard deviation."""
    noise = random.Random(seed)  # noqa: S311  a reproducible example, not a secret
    return lambda image: generator_mean(image) + noise.gauss(0.0, deviation)


def prediction_file(part: str, rule: Rule) -> bytes:
    """`name,score` lines of a part."""
    return csv_of(["name", "score"], [[image.name, f"{rule(image):.6f}"] for image in demo_tables()[part]])
