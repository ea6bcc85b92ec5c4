"""In which order a subject sees images: pure functions of a seed, used once when a session starts.

Every subject has an order of groups and, within a session, of images. Both are drawn from the study's seed and the
subject's number, so that they can be drawn again and checked.
"""

import random
from collections.abc import Sequence
from typing import TypeVar

LEAST_GAP = 20  # images between the first and the second time, where a session is long enough
T = TypeVar("T")


def group_order(groups: Sequence[int], number: int) -> list[int]:
    """The groups in the order of subject `number` (from 1): each subject begins one further on, every other backwards.

    So each group is met early by some subjects and late by others, as in a Latin square.
    """
    ordered = sorted(groups)
    if not ordered:
        return []
    start = (number - 1) % len(ordered)
    turned = ordered[start:] + ordered[:start]
    return turned if number % 2 else [turned[0], *reversed(turned[1:])]


def session_order(
    images: Sequence[T], warm_ups: Sequence[T], golds: Sequence[T], repeats: int, seed: str
) -> list[tuple[str, T]]:
    """(kind, image) of every trial: all of `warm_ups` first, then `images` at random with golds and repeats in between.

    `repeats` of the images come a second time, at least min(LEAST_GAP, a third of the session) images after the first;
    fewer where the session is too short.
    """
    draw = random.Random(seed)  # noqa: S311  an order that can be drawn again, no secret
    first, main = list(warm_ups), list(images)
    draw.shuffle(first)
    draw.shuffle(main)
    gap = min(LEAST_GAP, len(main) // 3)
    places: list[tuple[float, str, T]] = [(float(place), "main", image) for place, image in enumerate(main)]
    early = range(max(0, len(main) - gap))
    places += [
        (draw.uniform(place + gap, len(main)), "repeat", main[place])
        for place in draw.sample(early, min(repeats, len(early)))
    ]
    places += [(draw.uniform(0, len(main)), "gold", image) for image in golds]
    places.sort(key=lambda entry: entry[0])
    return [("warmup", image) for image in first] + [(kind, image) for _, kind, image in places]
