"""Figure 7 of the paper: opinion scores by length of the prompt, per model, of images with all defaults.

The paper does not say what is long. `LENGTHS` are the ways offered, and the numbers name the one that was taken:

- "tokens": CLIP tokens in the bins of the plan, at most 20, 21 to 40, 41 to 77, more;
- "tokens_read": the same with the limit 75 instead of 77: of the 77 positions that a CLIP text encoder reads, two are
  the marks of begin and end, so what is beyond 75 tokens of text no model of that kind has seen;
- thirds of the images by tokens, words (separated by white space) or characters.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from generation.figures.groups import Flags, Floats, summary
from generation.prompts.tokens import count_tokens

LIMITS = {"tokens": (20, 40, 77), "tokens_read": (20, 40, 75)}
TERCILES: dict[str, Callable[[str], int]] = {
    "token_terciles": count_tokens,
    "word_terciles": lambda text: len(text.split()),
    "character_terciles": len,
}
LENGTHS = (*LIMITS, *TERCILES)


def unit(length: str) -> str:
    """What a way of LENGTHS counts, in words."""
    return {"word_terciles": "words", "character_terciles": "characters"}.get(length, "CLIP tokens")


def length_groups(prompts: Sequence[str], length: str = LENGTHS[0]) -> tuple[list[str], list[str]]:
    """(label of each prompt, all labels from short to long) by a way of LENGTHS.

    The limits of terciles are lengths of prompts given; prompts as long as a limit are in the shorter third, and where
    both limits are the same there are two groups.
    """
    sizes = [TERCILES.get(length, count_tokens)(text) for text in prompts]
    if length in LIMITS:
        limits = list(LIMITS[length])
    else:
        thirds = [float(np.quantile(sizes, share, method="lower")) for share in (1 / 3, 2 / 3)] if sizes else []
        limits = sorted({int(limit) for limit in thirds})
    if not limits:
        return [], []
    lows = [limit + 1 for limit in limits]
    labels = [
        f"<={limits[0]}",
        *(f"{low}-{high}" for low, high in zip(lows, limits[1:], strict=False)),
        f">{limits[-1]}",
    ]
    return [labels[bisect_left(limits, size)] for size in sizes], labels


def figure7(
    mos: Floats,
    models: Sequence[str],
    prompts: Sequence[str],
    all_default: Flags | None,
    *,
    length: str = LENGTHS[0],
    least: int = 1,
) -> dict[str, Any]:
    """The numbers of the figure, JSON-safe: per model `n`, `mean` and one group per length, sorted by falling mean.

    mos: finite scores, shape (n,). all_default: which images have all defaults, the only ones that count; None takes
    all images, and `rows` says so. Images with a blank prompt are left out. least: groups of fewer images show their n
    only, and models of fewer are not there.
    """
    chosen = np.ones(mos.size, dtype=np.bool_) if all_default is None else np.asarray(all_default, dtype=np.bool_)
    taken = [i for i in np.flatnonzero(chosen).tolist() if prompts[i].strip()]
    labels, order = length_groups([prompts[i] for i in taken], length)
    named, lengths, scores = (
        np.array([models[i] for i in taken], dtype=object),
        np.array(labels),
        mos[np.array(taken, dtype=np.intp)],
    )
    found = []
    for model in sorted(set(named.tolist())):
        own = named == model
        whole = summary(scores[own], least)
        if whole["mean"] is not None:
            groups = [{"length": label, **summary(scores[own & (lengths == label)], least)} for label in order]
            found.append({"model": model, **whole, "groups": groups})
    return {
        "figure": "7",
        "rows": "all configurations" if all_default is None else "all defaults",
        "length": length,
        "unit": unit(length),
        "lengths": order,
        "n": len(taken),
        "least": least,
        "models": sorted(found, key=lambda one: -one["mean"]),
    }
