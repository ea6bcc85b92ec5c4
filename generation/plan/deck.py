"""Prompts for a plan: read, and dealt so that everyone gets the same shares of short and long ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from generation.draws import Draws
from generation.problems import InvalidInput
from generation.rounding import apportion, controlled_rounding
from generation.tables import Table, read_table

# CLIP tokens; what is beyond 77 a CLIP text encoder never sees.
BINS = ((20, "1-20"), (40, "21-40"), (77, "41-77"))
LONGEST = "78+"


@dataclass(frozen=True)
class Prompt:
    """`length_bin` is any label; prompts with the same label count as equally long."""

    id: str
    text: str
    length_bin: str


def read_prompts(path: Path) -> list[Prompt]:
    """Prompts of a CSV with a column `prompt`, optional `id` (else the row's number) and `length_bin`.

    Without `length_bin` the label comes from `tokens`, without that from an estimate: words and punctuation marks,
    which is about what CLIP's tokenizer makes of them. Raises OSError, and InvalidInput for empty or repeated prompts.
    """
    table = read_table(path, ["prompt"])
    texts = table.unique("prompt")
    ids = table.unique("id") if "id" in table.columns else [str(i) for i in range(1, len(texts) + 1)]
    bins = table.filled("length_bin") if "length_bin" in table.columns else [_bin(n) for n in _lengths(table, texts)]
    return [Prompt(*fields) for fields in zip(ids, texts, bins, strict=True)]


def _lengths(table: Table, texts: Sequence[str]) -> list[int]:
    if "tokens" not in table.columns:
        return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]
    cells = table.filled("tokens")
    wrong = [
        f"{table.place(i)}: tokens is {cell!r}, not a whole number"
        for i, cell in enumerate(cells)
        if not cell.isdecimal()
    ]
    if wrong:
        raise InvalidInput(*wrong)
    return [int(cell) for cell in cells]


def _bin(tokens: int) -> str:
    return next((label for most, label in BINS if tokens <= most), LONGEST)


class Deck:
    """Prompts in piles of equal length. Whatever is taken or dealt has the shares of the piles, rounded."""

    def __init__(self, piles: Sequence[list[Prompt]]) -> None:
        self.piles = list(piles)

    @classmethod
    def shuffled(cls, prompts: Sequence[Prompt], draws: Draws) -> Deck:
        """All prompts, each pile in random order."""
        labels = sorted({prompt.length_bin for prompt in prompts})
        return cls([draws.shuffled(p for p in prompts if p.length_bin == label) for label in labels])

    @property
    def prompts(self) -> list[Prompt]:
        """All prompts, pile by pile."""
        return [prompt for pile in self.piles for prompt in pile]

    def first(self, count: int) -> Deck:
        """The upper `count` prompts, which stay in this deck too."""
        heights = apportion(count, [len(pile) for pile in self.piles]) if count else [0] * len(self.piles)
        return Deck([pile[:height] for pile, height in zip(self.piles, heights, strict=True)])

    def take(self, count: int) -> Deck:
        """The upper `count` prompts, which leave this deck."""
        taken = self.first(count)
        self.piles = [pile[len(gone) :] for pile, gone in zip(self.piles, taken.piles, strict=True)]
        return taken

    def deal(self, sizes: Sequence[int]) -> list[Deck]:
        """The whole deck in hands of these sizes; every hand and every pile come out even by controlled rounding."""
        heights = controlled_rounding(sizes, [len(pile) for pile in self.piles])
        rest = Deck(self.piles)
        hands = []
        for hand in heights:
            hands.append(Deck([pile[:height] for pile, height in zip(rest.piles, hand, strict=True)]))
            rest = Deck([pile[height:] for pile, height in zip(rest.piles, hand, strict=True)])
        return hands
