"""A plan: one row per image to generate, and the CSV file of them.

Contract: the same catalogue, options, prompts and seed give the same bytes on every machine and with every version of
Python (see generation.draws, generation.rounding and generation.plan.levels). Rows are grouped by model in catalogue
order and shuffled within: neither index nor name says anything about the configuration.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

from generation.catalogue.models import FACTORS, Catalogue
from generation.draws import Draws
from generation.files import whole_file
from generation.plan.deck import Deck, Prompt
from generation.plan.design import ANCHOR, FACTORIAL, POLICIES, Design, make_designs
from generation.plan.levels import FACTOR, RANDOM, RANDOM_CFG, cfg_at, iterations_at, size_at, stratum_place
from generation.problems import InvalidInput

PROMPT_MODES = ("unique", "shared_anchor", "crossed")
Hand = dict[str, list[Prompt]]  # block -> its prompts


@dataclass(frozen=True)
class PlannedImage:
    """One row. `iterations` and `cfg` are None where the service does not tell; a missing prompt is ""."""

    index: int
    model: str
    iterations: int | None
    cfg: Decimal | None
    width: int
    height: int
    seed: int  # below 2**32: torch's generator ignores higher bits
    block: str
    iteration_default: bool
    cfg_default: bool
    resolution_default: bool
    name: str
    prompt_id: str
    prompt: str
    length_bin: str
    iteration_level: str
    cfg_level: str
    resolution_level: str


@dataclass(frozen=True)
class Plan:
    """`plan_id` names all the plan was made from; `pool` is the number of prompts there were to choose from."""

    plan_id: str
    options: dict[str, str | int]
    designs: list[Design]
    images: list[PlannedImage]
    pool: int


def make_plan(
    catalogue: Catalogue,
    *,
    images: int | None = None,
    policy: str = POLICIES[0],
    seed: int = 0,
    prompts: Sequence[Prompt] | None = None,
    prompt_mode: str = PROMPT_MODES[0],
    random_cfg: str = RANDOM_CFG[0],
) -> Plan:
    """Plan `images` images (None: the catalogue's quotas).

    policy: see generation.plan.design. prompts: None leaves the prompt columns empty. prompt_mode: "unique", each
    prompt once; "shared_anchor", the anchors of all models show the same prompts; "crossed", all images do.
    Raises InvalidInput for what cannot be planned: too few images or prompts, rules that exclude each other.
    """
    designs = make_designs(catalogue, images, policy, seed)
    options: dict[str, str | int] = {
        "images": sum(design.images for design in designs),
        "policy": policy,
        "seed": seed,
        "prompt_mode": prompt_mode,
        "random_cfg": random_cfg,
    }
    plan_id = _plan_id(catalogue, options, prompts or [])
    hands: list[Hand | None] = [None] * len(designs)
    if prompts is not None:
        hands = [*_deal(designs, prompts, prompt_mode, plan_id)]
    rows: list[PlannedImage] = []
    seeds: set[int] = set()
    for design, hand in zip(designs, hands, strict=True):
        rows.extend(_rows(design, hand, start=len(rows), plan_id=plan_id, random_cfg=random_cfg, seeds=seeds))
    return Plan(plan_id, options, designs, rows, len(prompts or []))


def write_plan(plan: Plan, path: Path) -> None:
    """CSV with a header, UTF-8, LF; true and false for flags, nothing for None."""
    with whole_file(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(field.name for field in fields(PlannedImage))
        for image in plan.images:
            writer.writerow(str(v).lower() if isinstance(v, bool) else v for v in astuple(image))


def _plan_id(catalogue: Catalogue, options: dict[str, str | int], prompts: Sequence[Prompt]) -> str:
    """16 hexadecimal digits. What the catalogue says beyond planning (repositories, licences) does not enter."""
    models = [[m.name, m.images, m.iterations, m.cfg, m.longest_edge, m.quantum, m.varies] for m in catalogue.models]
    texts = [[prompt.id, prompt.text, prompt.length_bin] for prompt in prompts]
    return sha256(json.dumps([models, catalogue.all_default, options, texts], default=str).encode()).hexdigest()[:16]


def _seed(plan_id: str, model: str, index: int, used: set[int]) -> int:
    """The first 32 bits of sha256("plan_id|model|index"); on a collision "|again" is added, so seeds are unique."""
    text = f"{plan_id}|{model}|{index}"
    while (seed := int.from_bytes(sha256(text.encode()).digest()[:4])) in used:
        text += "|again"
    used.add(seed)
    return seed


def _rows(
    design: Design, hand: Hand | None, *, start: int, plan_id: str, random_cfg: str, seeds: set[int]
) -> Iterator[PlannedImage]:
    model = design.model
    blocks = [ANCHOR] * design.anchors + [FACTORIAL] * design.factorial
    cells = [(0,) * len(design.factors)] * design.anchors
    cells += [cell for cell, count in design.cells.items() for _ in range(count)]
    order = Draws(plan_id, model.name, "order").shuffled(zip(blocks, cells, strict=True))
    places = {name: _random_places(design, name, plan_id) for name in FACTORS}
    prompts = {block: iter(cards) for block, cards in (hand or {}).items()}
    for number, (block, cell) in enumerate(order):
        level = {name: FACTOR[name].levels[0] for name in FACTORS}
        level.update({factor.name: factor.levels[i] for factor, i in zip(design.factors, cell, strict=True)})
        place = {name: next(places[name]) for name in FACTORS if level[name] == RANDOM}
        width, height = size_at(model.longest_edge, model.quantum, level["resolution"], place.get("resolution"))
        prompt = Prompt("", "", "") if hand is None else next(prompts[block])
        yield PlannedImage(
            index=start + number,
            model=model.name,
            iterations=model.iterations and iterations_at(model.iterations, level["iterations"]),
            cfg=None if model.cfg is None else cfg_at(model.cfg, level["cfg"], place.get("cfg"), random_cfg),
            width=width,
            height=height,
            seed=_seed(plan_id, model.name, start + number, seeds),
            block=block,
            iteration_default=level["iterations"] == FACTOR["iterations"].levels[0],
            cfg_default=level["cfg"] == FACTOR["cfg"].levels[0],
            resolution_default=level["resolution"] == FACTOR["resolution"].levels[0],
            name=f"{model.name}_{number:04d}.png",
            prompt_id=prompt.id,
            prompt=prompt.text,
            length_bin=prompt.length_bin,
            iteration_level=level["iterations"],
            cfg_level=level["cfg"],
            resolution_level=level["resolution"],
        )


def _random_places(design: Design, name: str, plan_id: str) -> Iterator[Decimal]:
    """Places in the distribution of a random level: one in each of equally wide strata, in random order."""
    draws = Draws(plan_id, design.model.name, name)
    count = sum(
        images
        for cell, images in design.cells.items()
        for factor, i in zip(design.factors, cell, strict=True)
        if factor.name == name and factor.levels[i] == RANDOM
    )
    for rank in draws.shuffled(range(count)):
        yield stratum_place(rank, count, draws.below(2**32))


def _deal(designs: Sequence[Design], prompts: Sequence[Prompt], mode: str, plan_id: str) -> Iterator[Hand]:
    """Prompts for the blocks of each model. Every model and each of its blocks get the pool's shares of lengths."""
    _check_prompts(designs, len(prompts), mode)
    deck = Deck.shuffled(prompts, Draws(plan_id, "prompts"))
    sizes = [[design.anchors, design.factorial] for design in designs]
    if mode == "shared_anchor":
        shared = deck.take(max(anchors for anchors, _ in sizes))
        rest = deck.take(sum(factorial for _, factorial in sizes)).deal([factorial for _, factorial in sizes])
        hands = [[shared.first(anchors), other] for (anchors, _), other in zip(sizes, rest, strict=True)]
    elif mode == "crossed":
        shared = deck.take(max(map(sum, sizes)))
        hands = [shared.first(sum(blocks)).deal(blocks) for blocks in sizes]
    else:
        decks = deck.take(sum(map(sum, sizes))).deal([sum(blocks) for blocks in sizes])
        hands = [own.deal(blocks) for own, blocks in zip(decks, sizes, strict=True)]
    for design, (anchor, factorial) in zip(designs, hands, strict=True):
        draws = Draws(plan_id, design.model.name, "prompts")
        yield {ANCHOR: draws.shuffled(anchor.prompts), FACTORIAL: draws.shuffled(factorial.prompts)}


def _check_prompts(designs: Sequence[Design], pool: int, mode: str) -> None:
    needs = {
        "unique": sum(design.images for design in designs),
        "shared_anchor": max(design.anchors for design in designs) + sum(design.factorial for design in designs),
        "crossed": max(design.images for design in designs),
    }
    if mode == "shared_anchor" and any(design.factors and not design.anchors for design in designs):
        raise InvalidInput(
            "--prompt-mode shared_anchor needs anchors, and this plan has models without (--policy marginals has none, "
            "nor have very few images): use --prompt-mode unique or crossed"
        )
    if pool < needs[mode]:
        others = [f"--prompt-mode {name}, which needs {needs[name]}" for name in PROMPT_MODES if needs[name] <= pool]
        raise InvalidInput(
            f"--prompt-mode {mode} needs {needs[mode]} prompts, the file has {pool}: "
            + ", or ".join([f"give {needs[mode] - pool} more", *others, "plan fewer --images"])
        )
