"""Word lists: which words of a prompt are on one, by whole words, after NFKC and leet folding, longest match first.

A list is a YAML file with `name`, `tier`, `source`, `licence` and `words` (category -> entries). Tiers:

- `block`: the prompt is removed;
- `review`: the prompt goes to the judge;
- `allow`: phrases in which a listed word is harmless ("maine coon"); they cover it where they are at least as long;
- `minors`: with a `sexual` word of any other tier in the same prompt it is blocked, alone it means nothing.

An entry is one or more words; a trailing `*` stands for any ending of the last. Words are runs of letters and digits;
hyphens, underscores and apostrophes part words as spaces do, any other mark is a word of its own, so a phrase does not
match across a comma. Words that mix letters with digits or `@ $ !` are also read as leet: "sh1t", "a$$".
Known limits: letters spaced out, misspellings and look-alikes of other alphabets are not found.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from generation.problems import InvalidInput

TIERS = ("block", "review", "allow", "minors")
BUILT_IN = Path(__file__).parent / "lists"
_WORD = re.compile(r"[^\W_]+|[^\w\s\-'’‐–—]")
_LEET_CHUNK = re.compile(r"\S*[0-9@$!]\S*")
_LEET = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"}
_FOLDS = (str.maketrans(_LEET), str.maketrans({**_LEET, "1": "l", "!": "l"}))


@dataclass(frozen=True)
class Entry:
    """One entry of a list: its words in matching form; `stem` says that the last may go on."""

    text: str
    words: tuple[str, ...]
    stem: bool
    tier: str
    category: str


@dataclass(frozen=True)
class WordList:
    """A list as its file has it."""

    name: str
    tier: str
    source: str
    licence: str
    entries: tuple[Entry, ...]


def read_word_list(path: Path) -> WordList:
    """A word list from YAML. Raises InvalidInput (file, what is wrong, what to write) and OSError."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: is not YAML in UTF-8: {error}") from None
    fields = ("name", "tier", "source", "licence", "words")
    if not isinstance(content, dict) or (missing := [field for field in fields if not content.get(field)]):
        lacks = ", ".join(fields if not isinstance(content, dict) else missing)
        raise InvalidInput(f"{path}: a word list needs the fields {', '.join(fields)}; here these lack: {lacks}")
    if content["tier"] not in TIERS:
        raise InvalidInput(f"{path}: the tier {content['tier']!r} is none of {', '.join(TIERS)}")
    if not isinstance(content["words"], dict) or not all(isinstance(v, list) for v in content["words"].values()):
        raise InvalidInput(f"{path}: `words` must be lists by category, as in `sexual: [first, second phrase, stem*]`")
    entries = []
    for category, texts in content["words"].items():
        for text in texts:
            words = split(text.removesuffix("*")) if isinstance(text, str) and not text.endswith((" *", "**")) else ()
            if not words:
                raise InvalidInput(
                    f"{path}: the entry {text!r} under {category} is no word; put it in quotes, and a * at a word's end"
                )
            entries.append(Entry(text, words, text.endswith("*"), content["tier"], str(category)))
    name, tier, origin, licence = (str(content[field]) for field in fields[:-1])
    return WordList(name, tier, origin, licence, tuple(entries))


def split(text: str) -> tuple[str, ...]:
    """The words of a text in matching form: NFKC, case-folded, without format characters such as zero-width spaces."""
    text = unicodedata.normalize("NFKC", text).casefold()
    if not text.isascii():
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return tuple(_WORD.findall(text))


class Matcher:
    """Finds the entries of several lists in texts. With `as_written` only as the list writes them, case apart: no leet,
    no hyphen for a space. `version` changes with any entry.
    """

    def __init__(self, lists: Iterable[WordList], *, as_written: bool = False) -> None:
        self._by_first: dict[str, list[Entry]] = {}
        self._by_stem: dict[str, list[Entry]] = {}
        self._vocabulary: set[str] = set()
        self._as_written = as_written
        every = hashlib.sha256(b"as written" if as_written else b"")
        self._starting: dict[str, list[Entry]] = {}  # of the words met so far: most words come again
        for entry in (entry for one in lists for entry in one.entries):
            index = self._by_stem if entry.stem and len(entry.words) == 1 else self._by_first
            index.setdefault(entry.words[0], []).append(entry)
            self._vocabulary.update(entry.words)
            every.update(f"{entry.tier}\t{entry.category}\t{entry.text}\n".encode())
        self.version = every.hexdigest()[:12]
        self._stem_lengths = sorted({len(e.words[-1]) for e in self._all_entries() if e.stem})

    def find(self, text: str) -> list[Entry]:
        """The entries in force in the text, each once, in order of place: no `allow` entry and nothing one covers."""
        words = split(text)
        found = dict.fromkeys(self._scan(words, text))
        if not self._as_written and (chunks := [chunk for chunk in _LEET_CHUNK.findall(text) if not chunk.isdigit()]):
            for fold in _FOLDS:
                read = {word for chunk in chunks for word in split(_unleet(chunk, fold))}
                if any(self._knows(word) for word in read.difference(words)):
                    found.update(dict.fromkeys(self._scan(split(_unleet_all(text, fold)), text)))
        return [entry for entry in found if entry.tier != "allow"]

    def _all_entries(self) -> Iterable[Entry]:
        for index in (self._by_first, self._by_stem):
            for entries in index.values():
                yield from entries

    def _scan(self, words: Sequence[str], text: str) -> Iterable[Entry]:
        starting, free = self._starting, 0
        for place, word in enumerate(words):
            candidates = starting.get(word)
            if candidates is None:
                candidates = starting[word] = self._candidates(word)
            if candidates and place >= free:
                fitting = (entry for entry in candidates if _fits(entry, words, place))
                entry = next((one for one in fitting if not self._as_written or _stands_in(one, text)), None)
                if entry is not None:
                    yield entry
                    free = place + len(entry.words)

    def _candidates(self, word: str) -> list[Entry]:
        """Entries that may begin with the word, the ones to prefer first."""
        found = list(self._by_first.get(word, ()))
        for length in self._stem_lengths:
            found += self._by_stem.get(word[:length], ()) if length <= len(word) else ()
        return sorted(found, key=lambda e: (-len(e.words), e.tier != "allow", TIERS.index(e.tier), -len(e.words[-1])))

    def _knows(self, word: str) -> bool:
        return word in self._vocabulary or any(word[:length] in self._vocabulary for length in self._stem_lengths)


def _unleet_all(text: str, fold: dict[int, str]) -> str:
    return _LEET_CHUNK.sub(lambda chunk: _unleet(chunk[0], fold), text)


def _unleet(chunk: str, fold: dict[int, str]) -> str:
    """The chunk read as leet where it may be: at least as many letters as digits ("a55" is a road), and marks only
    beside a letter; an exclamation mark only inside a word."""
    letters = sum(c.isalpha() for c in chunk)
    if letters == 0 or letters < sum(c.isdigit() for c in chunk):
        return chunk
    return re.sub(r"[0-9]|[@$](?=\w)|(?<=\w)[@$]+|(?<=\w)!(?=\w)", lambda mark: mark[0].translate(fold), chunk)


def _stands_in(entry: Entry, text: str) -> bool:
    end = "" if entry.stem else r"(?!\w)"
    return re.search(rf"(?<!\w){re.escape(entry.text.removesuffix('*'))}{end}", text, re.IGNORECASE) is not None


def _fits(entry: Entry, words: Sequence[str], place: int) -> bool:
    end = place + len(entry.words)
    if end > len(words):
        return False
    if not entry.stem:
        return tuple(words[place:end]) == entry.words
    return tuple(words[place : end - 1]) == entry.words[:-1] and words[end - 1].startswith(entry.words[-1])
