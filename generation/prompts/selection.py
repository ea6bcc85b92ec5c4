"""A sample of the prompts that are left, of a given size, with the same shares of short and long ones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from generation.prompts.tokens import LENGTH_BINS


def select(texts: Sequence[str], bins: Sequence[str], target: int, seed: int) -> list[int]:
    """Indices of `target` texts, ascending; each length bin gets its share by the method of largest remainder.

    Within a bin those with the smallest SHA-256 of seed and text are taken: the choice depends on seed and texts
    only, not on their order, the machine or the version of a random generator. Raises ValueError when there are fewer
    than `target`.
    """
    if target > len(texts):
        raise ValueError(f"{target} of {len(texts)} texts cannot be selected")
    places: dict[str, list[int]] = {name: [] for name in LENGTH_BINS}
    for i, name in enumerate(bins):
        places[name].append(i)
    quota = largest_remainder([len(places[name]) for name in LENGTH_BINS], target)
    chosen: list[int] = []
    for name, wanted in zip(LENGTH_BINS, quota, strict=True):
        chosen += sorted(places[name], key=lambda i: (_rank(texts[i], seed), i))[:wanted]
    return sorted(chosen)


def largest_remainder(sizes: Sequence[int], target: int) -> list[int]:
    """Whole shares of `target` in proportion to the sizes (not all 0); what rounding down leaves goes to the largest
    remainders, the first of equal ones."""
    total = sum(sizes)
    shares = [size * target // total if total else 0 for size in sizes]
    by_remainder = sorted(range(len(sizes)), key=lambda i: (-(sizes[i] * target % total) if total else 0, i))
    for i in by_remainder[: target - sum(shares)]:
        shares[i] += 1
    return shares


def _rank(text: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\n{text}".encode("utf-8", "surrogatepass")).digest()
