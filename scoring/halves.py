"""Public and private halves of an answer key: the board shows one during a phase, the other decides at the end.

Participants send predictions for all names and see scores on the public half alone. Whatever they fit to the board,
they fit to that half; the private half has answered nothing.

Contract: the split follows from the key's names and MOS, the secret and the options; the order of rows cannot matter.
Both halves have the same distribution of MOS (stratified by rank) and, on request, of a column. Without the secret
the names do not tell which half an image is in (HMAC-SHA256). The public half of a key can be found out by
probing the board, as slowly as MOS can (docs/overfitting.md).
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np

from scoring.answer_key import AnswerKey
from scoring.evaluation import Evaluation, evaluate
from scoring.inputs import as_predictions

MIN_SECRET_BYTES = 16
_STRATUM = 10  # rows next to each other in MOS, of which the share is public


class Halves(NamedTuple):
    """The names of each half in ascending order; together they are all names of the key."""

    public: tuple[str, ...]
    private: tuple[str, ...]


def split_halves(key: AnswerKey, secret: bytes, *, share: float = 0.5, column: str | None = None) -> Halves:
    """Split the names of a key; round(share x n) of them become public.

    The rows are sorted by the label in `column` (if one is given) and MOS, and cut into strata of 10; of each stratum
    the share with the smallest HMAC-SHA256(secret, name) is public. secret: 16 random bytes or more, kept with the
    key as strictly as the MOS. Raises ValueError for a short secret, an unknown column, or a share that leaves either
    half without a row.
    """
    if len(secret) < MIN_SECRET_BYTES:
        raise ValueError(f"the secret of a split needs {MIN_SECRET_BYTES} bytes or more, not {len(secret)}")
    if column is not None and column not in key.subsets:
        raise ValueError(f"unknown column {column!r}; the key has {', '.join(key.subsets) or 'none'}")
    n = len(key.names)
    if not (0 < share < 1 and 0 < round(share * n) < n):
        raise ValueError(f"a share of {share} of {n} rows leaves a half empty; it must lie between 0 and 1")
    labels = key.subsets[column] if column is not None else [""] * n
    mos = key.mos.tolist()
    rows = sorted(range(n), key=lambda row: (labels[row], mos[row], key.names[row]))
    public: set[str] = set()
    for start in range(0, n, _STRATUM):
        stratum = sorted(
            (key.names[row] for row in rows[start : start + _STRATUM]), key=lambda name: _tag(secret, name)
        )
        # Rounding the running total, not each stratum, keeps the share exact.
        public |= set(stratum[: round(share * min(n, start + _STRATUM)) - round(share * start)])
    return Halves(tuple(sorted(public)), tuple(sorted(set(key.names) - public)))


def restrict(key: AnswerKey, names: Collection[str]) -> AnswerKey:
    """The rows of a key with these names, in the key's order. Raises ValueError for a name the key does not have."""
    wanted = set(names)
    rows = [row for row, name in enumerate(key.names) if name in wanted]
    at = np.array(rows, dtype=np.intp)
    if len(rows) < len(wanted):
        raise ValueError(f"{len(wanted) - len(rows)} of {len(wanted)} names are not in the answer key")
    return replace(
        key,
        names=tuple(key.names[row] for row in rows),
        mos=key.mos[at],
        mos_std=None if key.mos_std is None else key.mos_std[at],
        n_ratings=None if key.n_ratings is None else key.n_ratings[at],
        pair_group=None if key.pair_group is None else [key.pair_group[row] for row in rows],
        subsets={column: [labels[row] for row in rows] for column, labels in key.subsets.items()},
    )


def evaluate_half(predictions: Any, key: AnswerKey, names: Collection[str], **options: Any) -> Evaluation:
    """`scoring.evaluate` on the rows with these names, for predictions that hold every name of the whole key.

    So a file is valid or not whichever half is scored. options: those of `evaluate`. Raises as `evaluate` does, and
    ValueError for names the key does not have.
    """
    part = restrict(key, names)
    scores: Mapping[str, float] = as_predictions(predictions, key.names).as_mapping()
    return evaluate({name: scores[name] for name in part.names}, part, **options)


def _tag(secret: bytes, name: str) -> bytes:
    return hmac.new(secret, name.encode(), sha256).digest()
