"""What makes two prompts the same text."""

from __future__ import annotations

import re
import unicodedata

# Chat bots of 2022 split numbers: "4 k", "1 9 5 0". The text that models see keeps that, the key does not.
_SPLIT_NUMBER = re.compile(r"(?<=\d) (?=\d\b)")
_SPLIT_UNIT = re.compile(r"(?<=\d) (?=(?:k|d|mm)\b)")


def normalised_key(text: str) -> str:
    """Letters and digits only, NFKC, case-folded, single spaces, split numbers joined. May be empty."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = "".join(letter if letter.isalnum() else " " for letter in folded).split()
    return _SPLIT_UNIT.sub("", _SPLIT_NUMBER.sub("", " ".join(words)))
