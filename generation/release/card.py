"""card.yaml: what only the makers of a database know, for its dataset card, licence, citation and croissant.json.

Every key is optional; what is missing is said to be missing in the release.

    title: My database                     version: 1.0.0              date: 2027-01-31
    description: One paragraph.            license: CC-BY-4.0          license_file: LICENSE.txt
    authors: [A. Author, {name: B. Author, affiliation: A University, orcid: 0000-0001-2345-6789}]
    citation: "@inproceedings{...}"        url: https://...            contact: someone@example.org
    huggingface: owner/name                modelscope: owner/name      keywords: [image quality]
    scale: 0 (bad) to 5 (excellent), higher is better
    motivation, collection, preprocessing, annotation, annotators, uses, limitations, biases,
    personal_information, maintenance: one text each, a section of the card
    changelog: [{version: 1.0.0, date: 2027-01-31, changes: [First release]}]

license is an SPDX identifier or an address; license_file is relative to the card.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from generation.problems import InvalidInput

# {key: heading in the dataset card}
SECTIONS = {
    "motivation": "Motivation",
    "collection": "How the images were made",
    "preprocessing": "Preprocessing",
    "annotation": "How the scores were obtained",
    "annotators": "Subjects",
    "uses": "Uses",
    "limitations": "Limitations",
    "biases": "Known biases",
    "personal_information": "Personal and sensitive information",
    "maintenance": "Maintenance",
}
_TEXTS = (
    "title",
    "description",
    "version",
    "date",
    "license",
    "citation",
    "url",
    "contact",
    "huggingface",
    "modelscope",
    "scale",
    *SECTIONS,
)
_FORMS = {
    "version": (r"\d+\.\d+\.\d+", "three numbers, such as 1.0.0"),
    "date": (r"\d{4}-\d\d-\d\d", "a date such as 2027-01-31"),
    "url": (r"https?://\S+", "an address beginning with http"),
    "license": (r"https?://\S+|[A-Za-z0-9.+-]+", "an SPDX identifier such as CC-BY-4.0, or an address"),
    "huggingface": (r"[\w.-]+/[\w.-]+", "owner/name"),
    "modelscope": (r"[\w.-]+/[\w.-]+", "owner/name"),
}
# Without these a published database is of little use to others.
_WANTED = ("title", "version", "date", "license", "authors", "citation", "url", "scale", "biases")


@dataclass(frozen=True)
class Author:
    """A person or group."""

    name: str
    affiliation: str = ""
    orcid: str = ""


@dataclass(frozen=True)
class Change:
    """A version of the database and what it changed."""

    version: str
    date: str
    changes: Sequence[str]


@dataclass(frozen=True)
class Card:
    """The content of card.yaml; `texts` has the keys of one text each that are not empty."""

    texts: Mapping[str, str] = field(default_factory=dict)
    authors: Sequence[Author] = ()
    keywords: Sequence[str] = ()
    changelog: Sequence[Change] = ()
    license_text: str = ""

    def __getitem__(self, key: str) -> str:
        """The text under a key, "" when the card has none."""
        return self.texts.get(key, "")

    @property
    def license_url(self) -> str:
        """Where the licence can be read; "" when the card names none."""
        name = self["license"]
        return name if name.startswith("http") or not name else f"https://spdx.org/licenses/{name}.html"

    @property
    def missing(self) -> list[str]:
        """Keys without which the release says less than its users need."""
        return [key for key in _WANTED if not (self.authors if key == "authors" else self[key])]


def read_card(path: Path | None) -> Card:
    """Read a card; an empty one for None. Raises InvalidInput for anything that is not as above."""
    if path is None:
        return Card()
    try:
        content = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InvalidInput(f"{path}: must hold keys with values, such as title: My database")
    known = {*_TEXTS, "authors", "keywords", "changelog", "license_file"}
    problems = [f"{path}: the key {key!r} is unknown" for key in content if key not in known]
    texts: dict[str, str] = {}
    for key in _TEXTS:
        value = _text(content.get(key))
        form, wanted = _FORMS.get(key, (".*", ""))
        if value is None:
            problems.append(f"{path}: {key} must be a text")
        elif value and not re.fullmatch(form, value, re.DOTALL):
            problems.append(f"{path}: {key} must be {wanted}, not {value!r}")
        elif value:
            texts[key] = value
    authors = _authors(content.get("authors") or [], path, problems)
    changelog = _changes(content.get("changelog") or [], path, problems)
    keywords = content.get("keywords") or []
    if not isinstance(keywords, list) or not all(isinstance(word, str) for word in keywords):
        problems.append(f"{path}: keywords must be a list of texts")
    if problems:
        raise InvalidInput(*problems)
    terms = content.get("license_file")
    license_text = (path.parent / str(terms)).read_text("utf-8") if terms else ""
    return Card(texts, authors, keywords, changelog, license_text)


def _text(value: Any) -> str | None:
    """A scalar as text, "" for nothing, None for what is no scalar."""
    if value is None:
        return ""
    if isinstance(value, datetime.date | str | int | float):
        return str(value).strip()
    return None


def _authors(values: Any, path: Path, problems: list[str]) -> list[Author]:
    found = []
    for value in values if isinstance(values, list) else [values]:
        parts = {"name": value} if isinstance(value, str) else value
        try:
            found.append(Author(**{key: _text(part) or "" for key, part in parts.items()}))
        except (TypeError, AttributeError):
            problems.append(f"{path}: an author is a name, or has name, affiliation and orcid; not {value!r}")
    return found


def _changes(values: Any, path: Path, problems: list[str]) -> list[Change]:
    found = []
    for value in values if isinstance(values, list) else [values]:
        try:
            change = Change(str(_text(value["version"])), str(_text(value["date"])), value["changes"])
        except (TypeError, KeyError):
            change = Change("", "", "")
        if isinstance(change.changes, list) and all(isinstance(text, str) for text in change.changes):
            found.append(change)
        else:
            problems.append(f"{path}: an entry of changelog has version, date and a list of changes; not {value!r}")
    return found
