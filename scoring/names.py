"""Names of images: the list to match, and the right name for one that is almost right.

Contract: matching is exact. `similar` only ever feeds a suggestion in a message; nothing is matched by guess.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable


def base_name(name: str) -> str:
    """The part after the last slash or backslash."""
    return re.split(r"[/\\]", name)[-1]


class NameIndex:
    """The names of an answer key or phase: `names` (a set, for matching) and `ordered` (as given, without repeats)."""

    def __init__(self, names: Iterable[str]) -> None:
        self.ordered = list(dict.fromkeys(names))
        self.names = frozenset(self.ordered)
        self._folded: dict[str, str | None] | None = None
        self._stems: dict[str, str | None] | None = None

    def similar(self, name: str) -> str | None:
        """The one name that differs only in case, folder, quotes, invisible characters or extension; else None."""
        if self._folded is None or self._stems is None:  # built at the first wrong name: good files never pay for it
            self._folded = _unambiguous((fold(entry), entry) for entry in self.ordered)
            self._stems = _unambiguous((stem(fold(entry)), entry) for entry in self.ordered)
        folded = fold(name)
        if folded in self._folded:
            return self._folded[folded]
        return self._stems.get(stem(folded))


def fold(name: str) -> str:
    """A name without what editors and operating systems change: folder, case, Unicode form, quotes, invisible marks."""
    text = unicodedata.normalize("NFC", base_name(name).strip().strip("'\"`"))
    return re.sub(r"[\u200b-\u200f\u2060\ufeff]", "", text).strip().casefold()


def stem(name: str) -> str:
    """A name without its file extension."""
    return re.sub(r"\.[a-z0-9]{1,5}$", "", name)


def _unambiguous(pairs: Iterable[tuple[str, str]]) -> dict[str, str | None]:
    """key -> name, with None where two names share a key: a suggestion must not pick one of them."""
    table: dict[str, str | None] = {}
    for key, name in pairs:
        table[key] = None if key in table else name
    return table
