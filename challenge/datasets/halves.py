"""Public and private part of a phase's answer key (`scoring.halves`): which rows a score is worked out on.

The secret of the split is made when a phase gets its share, and sealed like an answer key: only scoring workers can
tell the parts. It belongs to the phase, so that a corrected key keeps its parts, but for rows near the corrected ones.
"""

import secrets
from functools import lru_cache
from typing import Any
from uuid import UUID

import scoring
from challenge.contests.models import Phase
from challenge.datasets.models import AnswerKey
from challenge.datasets.sealing import seal, unseal
from challenge.datasets.services import open_answer_key
from scoring.halves import Halves, evaluate_half, split_halves

SECRET_BYTES = 32


def sealed_secret() -> bytes:
    """A new secret, sealed: nobody but a scoring worker ever knows it. Raises SealingError without the public key."""
    return seal(secrets.token_bytes(SECRET_BYTES))


def halves_of(phase: Phase, key: AnswerKey) -> Halves | None:
    """The names of both parts, or None where all rows are scored. Raises SealingError without the private key."""
    if phase.public_share is None:
        return None
    column = phase.split_column if phase.split_column in key.subset_columns else None
    return _halves(key.pk, bytes(phase.split_secret or b""), phase.public_share, column)


@lru_cache(maxsize=4)
def _halves(key_id: UUID, sealed: bytes, share: float, column: str | None) -> Halves:
    table = open_answer_key(AnswerKey.objects.get(pk=key_id))
    return split_halves(table, unseal(sealed), share=share, column=column)


def evaluate_public(predictions: Any, phase: Phase, key: AnswerKey, **options: Any) -> scoring.Evaluation:
    """`scoring.evaluate` on the rows that the phase shows: its public part, or all."""
    halves = halves_of(phase, key)
    table = open_answer_key(key)
    if halves is None:
        return scoring.evaluate(predictions, table, **options)
    return evaluate_half(predictions, table, halves.public, **options)


def evaluate_private(predictions: Any, phase: Phase, key: AnswerKey, **options: Any) -> scoring.Evaluation | None:
    """The same on the private part; None where there is none."""
    halves = halves_of(phase, key)
    return halves and evaluate_half(predictions, open_answer_key(key), halves.private, **options)
