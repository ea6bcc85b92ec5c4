"""What is done to the text of a prompt: mending, cleaning, and the key by which two prompts are compared.

Three functions, from least to most destructive:

- `mend(text)` puts right what is no wording: wrongly decoded characters, control and format characters, white space.
- `clean(text)` is the paper's second rule ("removing non-UTF-8 characters, consecutive spaces, parentheses,
  punctuation" in our reading): what is shown to people and sent to the models.
- `key(text)` keeps letters and digits only: what the exact and the 90 % rule compare.

All are deterministic and idempotent, take any str (lone surrogates and NUL included) and raise nothing. They depend on
the Unicode tables of the running Python for characters outside ASCII.
"""

from __future__ import annotations

import re
import unicodedata

BRACKETS = ("remove", "collapse", "keep")
NON_ASCII = ("keep", "transliterate", "drop")

# What str.isprintable and NFKC leave alone but no prompt needs: categories Cc, Cf, Cn, Co, Cs.
_OTHER = "C"
_ASCII_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# `(word:1.3)`: the attention weights of web front ends. The text before the weight must hold a letter, so that the
# aspect ratio in "(16:9)" is not taken for one.
_WEIGHT = re.compile(r"([(\[{][^()\[\]{}]*[^\W\d_][^()\[\]{}]*?)\s*:\s*-?\d+(?:\.\d+)?(?=[)\]}])")
_BRACKET = re.compile(r"[()\[\]{}<>]")
_BRACKET_RUN = re.compile(r"([()\[\]{}<>])(?:\s*\1)+")
# Any symbol or punctuation mark repeated, with or without space between: "!!!", "- - -", "~ ~".
_RUN = re.compile(r"([^\w\s()\[\]{}<>]|_)(?:\s*\1)+")
_SPACE_BEFORE = re.compile(r"\s+(?=[,.;:!?])")
_EDGES = " ,;:.|-–—_`'\""
# The Discord bot that the prompts come from wrote "4 k", "3 5 mm" and "1 9 5 0".
_SPACED_DIGITS = re.compile(r"(?<=\d) (?=\d\b)")
_SPACED_UNIT = re.compile(r"(\d) (k|d|mm)\b")
_VARIATION = "".join(map(chr, range(0xFE00, 0xFE10)))  # variation selectors: how an emoji is drawn
_NOT_ASCII_WORD = re.compile(r"[^a-z0-9]+")
# Letters that have no canonical decomposition into ASCII and a mark.
_LATIN = str.maketrans(
    {
        **{"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d"},
        **{"Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "–": "-", "—": "-", "‐": "-", "•": "-"},
    }
)


def mend(text: str) -> str:
    """The same wording in sound Unicode: mojibake and HTML entities mended (ftfy), NFKC, straight quotes; U+FFFD,
    control, format, private, unassigned and surrogate characters dropped; white space single, none at the ends.
    """
    while True:
        mended = _mended_once(text)
        # What was dropped or decoded can leave characters that are mojibake in their turn.
        if mended == text or _is_plain(mended):
            return mended
        text = mended


def clean(text: str, *, brackets: str = "remove") -> str:
    """The text that raters read and models are given; "" where nothing is left.

    Emphasis weights go (`((castle:1.3))` is `castle`); brackets are removed, or kept single (`brackets="collapse"`), or
    left alone with their weights ("keep"); runs of one punctuation mark become one; no space before `,.;:!?`; no
    separators or quotes at the ends. Letter case, and digits spaced by the source's bot ("4 k"), stay.
    """
    cleaned = _tidied(mend(text), brackets)
    while not _is_plain(cleaned) and (mended := mend(cleaned)) != cleaned:
        cleaned = _tidied(mended, brackets)
    return cleaned


def key(text: str) -> str:
    """What prompts are compared by: `fold(clean(text))`. Two prompts with one key count as the same."""
    return fold(clean(text))


def fold(cleaned: str) -> str:
    """Letters and digits of the case-folded text with single spaces, digits that the source's bot spaced joined ("8 k",
    "1 9 5 0"); "" for a text without any.
    """
    text = cleaned.casefold()
    text = _SPACED_UNIT.sub(r"\1\2", _SPACED_DIGITS.sub("", text))
    if text.isascii():
        return _NOT_ASCII_WORD.sub(" ", text).strip()
    return " ".join(_letters_and_digits(unicodedata.normalize("NFKC", text)).split())


def _letters_and_digits(text: str) -> str:
    """Everything else blanked. A mark on a letter belongs to it: without its marks Hindi would lose its vowels."""
    kept = []
    inside = False
    for character in text:
        inside = character.isalnum() or (
            inside and unicodedata.category(character) in ("Mn", "Mc") and character not in _VARIATION
        )
        kept.append(character if inside else " ")
    return "".join(kept)


def transliterate(text: str) -> str:
    """The text in ASCII: accents dropped, a few Latin letters spelt out (ß, æ, ø, ł, ...), all else dropped."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_LATIN))
    return " ".join(decomposed.encode("ascii", "ignore").decode("ascii").split())


def has_letter(text: str) -> bool:
    """Whether any character is a letter of any script."""
    return any(c.isalpha() for c in text)


def _is_plain(text: str) -> bool:
    """Whether there can be nothing for ftfy to mend."""
    return text.isascii() and "&" not in text


def _mended_once(text: str) -> str:
    if not _is_plain(text):
        import ftfy

        text = ftfy.fix_text(text, normalization="NFKC").replace("\N{REPLACEMENT CHARACTER}", "")
    text = " ".join(text.split())
    if text.isascii():
        text = _ASCII_CONTROL.sub("", text)
    else:
        text = "".join(c for c in text if unicodedata.category(c)[0] != _OTHER)
    return " ".join(text.split())


def _tidied(text: str, brackets: str) -> str:
    if brackets != "keep":
        text = _unweighted(text)
    if brackets == "remove":
        text = _BRACKET.sub(" ", text)
    elif brackets == "collapse":
        text = _BRACKET_RUN.sub(r"\1", text)
    text = _RUN.sub(r"\1", text)
    text = _SPACE_BEFORE.sub("", text)
    return " ".join(text.split()).strip(_EDGES)


def _unweighted(text: str) -> str:
    """Without the weights of emphasis brackets, innermost first."""
    while ":" in text:
        text, found = _WEIGHT.subn(r"\1", text)
        if not found:
            break
    return text
