"""How many images of a model each combination of levels gets: quotas, anchors, factorial part, and the three policies.

The paper asks two things of each model: half of its N images at the default of each factor, and 500 with all defaults.
With independent factors only N / 4 or N / 8 have all defaults, so a design has two blocks: `anchor`, all defaults, and
`factorial`, orthogonal, whose default shares make up for the anchors. With N / 4 anchors the factorial part has default
shares of 1/3, and N / 2 images are at each default. More anchors would leave it less: then one rule has to yield.

policy     gives up, where the rules collide
marginals  the all-default images: no anchors at all
strict     orthogonality: one factor's defaults are mostly, or only, where the other's are
guarantee  the shares: default shares of 1/3 in the factorial part, and no more anchors than it takes
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from generation.catalogue.models import Catalogue, Model
from generation.draws import Draws
from generation.plan.factorial import Counts, factorial_counts
from generation.plan.levels import FACTOR, Factor
from generation.problems import InvalidInput
from generation.rounding import apportion, apportion_at_least_one

POLICIES = ("guarantee", "strict", "marginals")
ANCHOR, FACTORIAL = "anchor", "factorial"


@dataclass(frozen=True)
class Design:
    """Images of one model. `cells` is the factorial part: {levels of `factors`: images}; `anchors` come on top.

    `wanted` has the paper's shares as images per factor and level; `all_default_wanted` the images with all defaults.
    `gave_way`: "nothing", "shares", "all-default" or "orthogonality".
    """

    model: Model
    factors: tuple[Factor, ...]
    anchors: int
    cells: Counts
    wanted: tuple[tuple[int, ...], ...]
    all_default_wanted: int
    gave_way: str

    @property
    def factorial(self) -> int:
        """Images of the factorial part."""
        return sum(self.cells.values())

    @property
    def images(self) -> int:
        """Images of the model."""
        return self.anchors + self.factorial

    @property
    def all_default(self) -> int:
        """Images with all defaults, in both blocks."""
        return self.anchors + self.cells.get((0,) * len(self.factors), 0)

    def got(self, factor: int) -> list[int]:
        """Images at each level of a factor, in both blocks."""
        counts = [0] * len(self.factors[factor].levels)
        counts[0] = self.anchors
        for cell, images in self.cells.items():
            counts[cell[factor]] += images
        return counts


def make_designs(
    catalogue: Catalogue, images: int | None = None, policy: str = POLICIES[0], seed: int = 0
) -> list[Design]:
    """One design per model, in catalogue order. The seed decides which cells are rounded up, else nothing.

    images: size of the database; quotas and all-default images are scaled to it (largest remainder, at least one image
    per model; all-default images rounded down). None: the catalogue's own.
    Raises InvalidInput where there are fewer images than models or, under `strict`, the rules cannot both be met.
    """
    total = catalogue.images if images is None else images
    if total < len(catalogue.models):
        raise InvalidInput(
            f"{total} images for {len(catalogue.models)} models: each needs at least one, so give --images "
            f"{len(catalogue.models)} or more, or a catalogue with fewer models (--models)"
        )
    quotas = apportion_at_least_one(total, [model.images for model in catalogue.models])
    return [
        _design(model, quota, policy, catalogue.all_default * quota // model.images, Draws(seed, model.name, "levels"))
        for model, quota in zip(catalogue.models, quotas, strict=True)
    ]


def _design(model: Model, images: int, policy: str, all_default: int, draws: Draws) -> Design:
    factors = tuple(FACTOR[name] for name in model.varies)
    # Models are rounded differently, so that small plans are balanced over the models together.
    orders = [[0, *draws.shuffled(range(1, len(factor.levels)))] for factor in factors]
    wanted = tuple(tuple(apportion(images, factor.shares)) for factor in factors)

    def build(anchors: int, margins: Sequence[Sequence[int]], gave_way: str = "nothing") -> Design:
        reordered = [[margin[i] for i in order] for margin, order in zip(margins, orders, strict=True)]
        counts = factorial_counts(reordered) if factors else {}
        cells = {tuple(order[i] for order, i in zip(orders, cell, strict=True)): n for cell, n in counts.items()}
        return Design(model, factors, anchors, cells, wanted, all_default, gave_way)

    def anchored(anchors: int, gave_way: str = "nothing") -> Design:
        return build(anchors, [(shares[0] - anchors, *shares[1:]) for shares in wanted], gave_way)

    if not factors:
        return build(images, [])
    if policy == "marginals":
        design = anchored(0)
        return design if design.all_default >= all_default else replace(design, gave_way="all-default")
    design = anchored(min(all_default, images // 4))
    if design.all_default >= all_default:
        return design
    if policy == "strict":
        _check_strict(model, wanted, all_default)
        return anchored(all_default, "orthogonality")
    # Multiples of 3: every default margin of the factorial part is then exactly a third.
    for size in range(images - images % 3, 0, -3):
        margins = [apportion(size, factor.third_default) for factor in factors]
        most = -(-prod(margin[0] for margin in margins) // size ** (len(factors) - 1))
        if images - size + most >= all_default:
            design = build(images - size, margins, "shares")
            if design.all_default >= all_default:
                return design
    return build(images, [[0] * len(factor.levels) for factor in factors], "shares")


def _check_strict(model: Model, wanted: Sequence[Sequence[int]], all_default: int) -> None:
    for factor, shares in zip(model.varies, wanted, strict=True):
        if shares[0] < all_default:
            raise InvalidInput(
                f"{model.name}: {all_default} images with all defaults were asked for, but the paper's shares leave "
                f"only {shares[0]} of {sum(shares)} at the default {factor}; use --policy guarantee, or lower "
                "all_default in the catalogue"
            )
