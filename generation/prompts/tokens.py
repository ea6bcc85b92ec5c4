"""How long a prompt is in tokens of CLIP, the text encoder of most text-to-image models.

The count is exact: byte-pair encoding (Sennrich, Haddow and Birch 2016) with CLIP's own merges, which are stored beside
this file (clip/NOTICE.md). It leaves out the begin and end marks; a CLIP model reads 77 positions, so 75 tokens of
text. The one difference from OpenAI's tokenizer: characters that are numbers but not decimal digits (fractions, Roman
numeral signs) count as letters here, unless NFKC has turned them into digits, which cleaning does.
"""

from __future__ import annotations

import gzip
import html
import re
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

MERGES = Path(__file__).parent / "clip" / "merges.txt.gz"
LENGTH_BINS = ("<=20", "21-40", "41-77", ">77")
_BOUNDS = (20, 40, 77)
_PIECE = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+")


def length_bin(tokens: int) -> str:
    """The bin of a token count, one of LENGTH_BINS: the length groups of the plan and of figure 7."""
    return LENGTH_BINS[sum(tokens > bound for bound in _BOUNDS)]


def count_tokens(text: str) -> int:
    """Number of CLIP tokens of the text, without begin and end marks; 0 for blank text."""
    if "&" in text:
        text = html.unescape(html.unescape(text))
    return sum(_count(piece) for piece in _PIECE.findall(text.lower()))


@lru_cache(maxsize=500_000)
def _count(piece: str) -> int:
    """Tokens of one word, digit or run of marks: apply the lowest-ranked merge until none applies."""
    if piece.isascii() and piece + "</w>" in _whole_words():
        return 1
    ranks, letters = _ranks(), _byte_letters()
    parts = [letters[byte] for byte in piece.encode("utf-8", "replace")]
    parts[-1] += "</w>"
    while len(parts) > 1:
        best = min(pairwise(parts), key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        parts = _merged(parts, best)
    return len(parts)


def _merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    merged = []
    place = 0
    while place < len(parts):
        if tuple(parts[place : place + 2]) == pair:
            merged.append(pair[0] + pair[1])
            place += 2
        else:
            merged.append(parts[place])
            place += 1
    return merged


@lru_cache(maxsize=1)
def _ranks() -> dict[tuple[str, str], int]:
    lines = gzip.decompress(MERGES.read_bytes()).decode("utf-8").splitlines()
    return {(first, second): rank for rank, (first, second) in enumerate(line.split(" ") for line in lines)}


@lru_cache(maxsize=1)
def _whole_words() -> frozenset[str]:
    """What a merge makes a whole word: 34,209 words, each of which merging step by step leads to, too."""
    return frozenset(first + second for first, second in _ranks() if second.endswith("</w>"))


@lru_cache(maxsize=1)
def _byte_letters() -> list[str]:
    """The printable stand-in of every byte in the merges file: itself where Latin-1 prints it, else from U+0100 on."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
