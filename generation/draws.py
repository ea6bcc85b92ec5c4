"""Random draws that are the same on every machine and with every version of every library.

Neither Python nor numpy promises that shuffles or bounded integers of one seed stay the same from version to version
(NEP 19 keeps the bit generators only). These come from SHA-256 in counter mode: a few microseconds each, and anyone can
recompute them.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """A stream of draws with a name; streams with different names are independent."""

    def __init__(self, *name: object) -> None:
        self._name = "|".join(map(str, name))
        self._drawn = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to limit - 1, each as likely as the other; limit at most 2**64."""
        fair = 2**64 - 2**64 % limit
        while True:
            digest = sha256(f"{self._name}|{self._drawn}".encode()).digest()
            self._drawn += 1
            value = int.from_bytes(digest[:8])
            if value < fair:
                return value % limit

    def shuffled(self, items: Iterable[T]) -> list[T]:
        """The items in random order (Fisher and Yates)."""
        order = list(items)
        for last in range(len(order) - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order
