r"""Text that people typed, safe in LaTeX and BibTeX.

Contract: whatever `escaped` is given, its result has balanced braces, no character that LaTeX takes for a command, and
no line that BibTeX or LaTeX could not read; it never raises. Latin letters with accents become commands (`\'{e}`), so
that a document of Western names is ASCII and compiles with every engine and with BibTeX. Other scripts stay as they
are: `unicode_fallbacks` has the lines of a preamble that let pdfLaTeX, which knows few of them, compile such a document
all the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "‘": r"\textquoteleft{}",
    "’": r"\textquoteright{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "…": r"\ldots{}",
    "°": r"\textdegree{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
}
_GREEK = {
    **{"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "λ": "lambda", "μ": "mu"},
    **{"σ": "sigma", "τ": "tau", "φ": "phi", "Δ": "Delta", "Σ": "Sigma", "Ω": "Omega"},
}
_SPECIAL |= {letter: rf"$\{name}$" for letter, name in _GREEK.items()}
_ACCENTS = {
    "\u0300": r"\`",
    "\u0301": r"\'",
    "\u0302": r"\^",
    "\u0303": r"\~",
    "\u0304": r"\=",
    "\u0306": r"\u",
    "\u0307": r"\.",
    "\u0308": r"\"",
    "\u030a": r"\r",
    "\u030b": r"\H",
    "\u030c": r"\v",
    "\u0327": r"\c",
    "\u0328": r"\k",
}


def escaped(text: str) -> str:
    """`text` as LaTeX prints it: every special character as a command, space of any kind as one space.

    The result is one line and has no blank at either end.
    """
    shown = "".join(_escaped(character) for character in " ".join(_printable(text).split()))
    return re.sub(r"([-',])(?=\1)", r"\1{}", shown)  # two of them in a row are no dash and no quotation mark


def paragraphs(text: str) -> str:
    """The same for text of several paragraphs, which blank lines separate, here and in the result."""
    parts = (escaped(part) for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\r", "\n")))
    return "\n\n".join(part for part in parts if part)


def url(address: str) -> str:
    r"""An address as the argument of `\url`: what could end the argument or break it is percent-encoded.

    For `\url` in a paragraph, not in the argument of another command.
    """
    return quote(_printable(address), safe="/:?#[]@!$&'()*+,;=%-._~")


def number(value: float | None, decimals: int) -> str:
    """To so many decimals, with a true minus; a dash for what is undefined."""
    return "--" if value is None else f"{value:.{decimals}f}".replace("-", "$-$")


def cite_keys(names: Iterable[str]) -> list[str]:
    """A key for BibTeX for each name: its ASCII letters and digits, no two alike whatever the names (nor by case)."""
    keys: list[str] = []
    for name in names:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        base = re.sub(r"[^a-z0-9]", "", plain)[:40] or "team"
        key, count = base, 1
        while key in keys:
            count += 1
            key = f"{base}-{count}"
        keys.append(key)
    return keys


def unicode_fallbacks(document: str) -> list[str]:
    r"""Lines of a preamble for the characters of `document` that are not ASCII: pdfLaTeX prints their code points.

    Engines that know Unicode do not need them: put them behind `\ifPDFTeX` of the package iftex.
    """
    points = sorted({ord(character) for character in document if ord(character) >= 0xA0})
    return [rf"\DeclareUnicodeCharacter{{{point:04X}}}{{[U+{point:04X}]}}" for point in points]


def _printable(text: str) -> str:
    """Composed, and without what has no glyph: control and format characters, surrogates, unassigned ones."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(c if c.isspace() or not unicodedata.category(c).startswith("C") else "" for c in composed)


def _escaped(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character.isascii():
        return character
    base, *marks = list(unicodedata.normalize("NFD", character))
    if not marks or not (base in _SPECIAL or base.isascii()) or any(mark not in _ACCENTS for mark in marks):
        return character
    shown = _SPECIAL.get(base, base)
    for mark in marks:
        shown = rf"{_ACCENTS[mark]}{{{shown}}}"
    return shown
