"""Put images into sets: clusters stay whole, and each stratum is divided in the given ratio as nearly as they allow.

Contract: deterministic for a seed. Where all clusters are single images the sizes of the sets are exact and every
stratum is within one image of its shares; larger clusters make both less even, single images even them out again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction

from generation.draws import Draws
from generation.rounding import apportion, controlled_rounding

SETS = ("train", "validation", "test")
Stratum = tuple[str, int]  # generator, decile of its MOS
_EVERY_SET = range(len(SETS))


def deciles(names: Sequence[str], generators: Sequence[str], mos: Sequence[float] | None) -> list[Stratum]:
    """The stratum of each image: generator and decile (0 to 9) of its MOS within the generator, equal MOS by name."""
    if mos is None:
        return [(generator, 0) for generator in generators]
    images: dict[str, list[int]] = defaultdict(list)
    for image, generator in enumerate(generators):
        images[generator].append(image)
    strata: list[Stratum] = [("", 0)] * len(names)
    for generator, own in images.items():
        for rank, image in enumerate(sorted(own, key=lambda i: (mos[i], names[i]))):
            strata[image] = (generator, 10 * rank // len(own))
    return strata


def assign(clusters: Sequence[Hashable], strata: Sequence[Stratum], ratio: Sequence[int], seed: int = 0) -> list[str]:
    """The set of each image. `clusters` and `strata` have one entry per image; ratio is train : validation : test.

    Clusters of two or more come first, the largest first: each goes where it exceeds the set's size least, then its
    strata least, then to the set that lacks the largest part of its images. Single images fill what is left. So no set
    is larger than it should be by a whole cluster.
    """
    members: dict[Hashable, list[int]] = defaultdict(list)
    for image, cluster in enumerate(clusters):
        members[cluster].append(image)
    order = Draws(seed, "split").shuffled(members.values())
    room = _Room(Counter(strata), ratio)
    sets = [-1] * len(strata)
    for images in sorted((images for images in order if len(images) > 1), key=len, reverse=True):
        where = room.best(Counter(strata[image] for image in images))
        for image in images:
            sets[image] = where
            room.fill(strata[image], where)
    singles: dict[Stratum, list[int]] = defaultdict(list)
    for images in order:
        if len(images) == 1:
            singles[strata[images[0]]].append(images[0])
    for stratum, counts in room.for_singles({stratum: len(own) for stratum, own in singles.items()}).items():
        for image, where in zip(singles[stratum], (w for w in _EVERY_SET for _ in range(counts[w])), strict=True):
            sets[image] = where
    return [SETS[where] for where in sets]


class _Room:
    """What each set still lacks: of each stratum, and in all. Negative where clusters brought too many."""

    def __init__(self, sizes: Mapping[Stratum, int], ratio: Sequence[int]) -> None:
        strata = sorted(sizes)
        self._ratio = ratio
        self._targets = apportion(sum(sizes.values()), ratio)
        self._left = list(self._targets)
        targets = controlled_rounding([sizes[stratum] for stratum in strata], self._targets)
        self._of = dict(zip(strata, targets, strict=True))

    def fill(self, stratum: Stratum, where: int) -> None:
        """Count one image."""
        self._of[stratum][where] -= 1
        self._left[where] -= 1

    def best(self, cluster: Counter[Stratum]) -> int:
        """The set for a cluster with these images per stratum."""

        def cost(where: int) -> tuple[int, int, Fraction]:
            beyond_size = max(0, cluster.total() - max(0, self._left[where]))
            beyond_strata = sum(max(0, n - max(0, self._of[stratum][where])) for stratum, n in cluster.items())
            return beyond_size, beyond_strata, -Fraction(self._left[where], max(1, self._targets[where]))

        return min((where for where in _EVERY_SET if self._ratio[where]), key=cost)

    def for_singles(self, singles: Mapping[Stratum, int]) -> dict[Stratum, list[int]]:
        """How many single images of each stratum go to each set: its room first, then such that the sizes are met."""
        counts = {}
        for stratum in sorted(singles):
            counts[stratum] = [max(0, room) for room in self._of[stratum]]
            for _ in range(sum(counts[stratum]) - singles[stratum]):
                counts[stratum][counts[stratum].index(max(counts[stratum]))] -= 1
        surplus = [sum(count[where] for count in counts.values()) - self._left[where] for where in _EVERY_SET]
        while max(surplus) > 0:
            under = surplus.index(min(surplus))
            moves = [
                (count[over] - self._of[stratum][over] - count[under] + self._of[stratum][under], stratum, over)
                for stratum, count in counts.items()
                for over in _EVERY_SET
                if surplus[over] > 0 and count[over]
            ]
            if not moves:
                break
            _, stratum, over = max(moves)
            for where, change in ((over, -1), (under, 1)):
                counts[stratum][where] += change
                surplus[where] += change
        return counts
