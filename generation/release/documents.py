"""Texts of a release: dataset card, licence, citation, changelog. Nothing in them is invented: what the card does not
say is said to be missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from generation.release.card import SECTIONS, Card
from generation.release.columns import OPINIONS, meaning
from generation.release.contents import Item
from generation.release.rows import SPLITS

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(frozen=True)
class Facts:
    """What the texts tell of the release: its images, the columns {name: kind} of a row, formats and commitments."""

    items: Sequence[Item]
    columns: Mapping[str, str]
    formats: Sequence[str]
    published: frozenset[str]
    commitments: Mapping[str, str]
    openings: Sequence[str]
    ratings: int | None

    def count(self, split: str) -> int:
        """Number of images of a split."""
        return sum(item.split == split for item in self.items)

    @property
    def splits(self) -> list[str]:
        """The splits that have images."""
        return [split for split in SPLITS if self.count(split)]


def readme(card: Card, facts: Facts) -> str:
    """The dataset card: YAML for Hugging Face, then sections for people."""
    lines = ["---", _front_matter(card, facts).rstrip(), "---", "", f"# {title(card)}", ""]
    lines += [card["description"] or "Images with subjective quality scores.", ""]
    if card.authors:
        named = (
            f"{author.name} ({author.affiliation})" if author.affiliation else author.name for author in card.authors
        )
        lines += [f"By {', '.join(named)}.", ""]
    lines += _composition(facts)
    lines += _scores(card, facts)
    lines += _files(facts)
    lines += _loading(card, facts)
    for key, heading in SECTIONS.items():
        lines += [f"## {heading}", "", card[key] or "Not stated.", ""]
    lines += ["## Licence", "", _license_line(card), ""]
    lines += ["## Citation", "", *(["```bibtex", card["citation"], "```"] if card["citation"] else ["Not stated."]), ""]
    if card["contact"]:
        lines += ["## Contact", "", card["contact"], ""]
    return "\n".join(lines).rstrip() + "\n"


def title(card: Card) -> str:
    """The name of the database."""
    return card["title"] or "Image quality database"


def license_text(card: Card) -> str:
    """The file LICENSE: the text the card points to, or one line that names the licence."""
    return card.license_text or f"{title(card)}\n\n{_license_line(card)}\n"


def citation_cff(card: Card) -> str:
    """CITATION.cff, version 1.2.0 of the Citation File Format."""
    # Entities, since only people can say which part of a name is the family's. The format gives those no affiliation.
    authors = [
        {"name": author.name} | ({"orcid": f"https://orcid.org/{author.orcid[-19:]}"} if author.orcid else {})
        for author in card.authors
    ]
    content = {
        "cff-version": "1.2.0",
        "message": "If you use this database, please cite it.",
        "type": "dataset",
        "title": title(card),
        "authors": authors or [{"name": f"The authors of {title(card)}"}],
        "version": card["version"],
        "date-released": card["date"],
        "license" if not card["license"].startswith("http") else "license-url": card["license"],
        "url": card["url"],
        "keywords": list(card.keywords),
    }
    return _yaml({key: value for key, value in content.items() if value})


def changelog(card: Card) -> str:
    """CHANGELOG.md, as the card tells it."""
    lines = ["# Changelog", ""]
    for entry in card.changelog:
        lines += [f"## {entry.version} ({entry.date})", "", *(f"- {change}" for change in entry.changes), ""]
    if not card.changelog:
        lines += [f"## {card['version'] or 'Version not stated'}", "", "No changes are recorded.", ""]
    return "\n".join(lines).rstrip() + "\n"


def _front_matter(card: Card, facts: Facts) -> str:
    name = card["license"]
    content: dict[str, object] = {
        "pretty_name": title(card),
        "license": "other" if name.startswith("http") else name.lower() or "unknown",
        "license_link": card.license_url if name.startswith("http") else "",
        "language": ["en"],
        "task_categories": ["text-to-image", "image-classification"],
        "tags": ["image-quality-assessment", "mean-opinion-score", *card.keywords],
        "size_categories": [next((text for n, text in _SIZES if len(facts.items) < n), "n>1M")],
    }
    if "parquet" in facts.formats:
        files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in facts.splits]
        content["configs"] = [{"config_name": "default", "data_files": files}]
    return _yaml({key: value for key, value in content.items() if value})


def _composition(facts: Facts) -> list[str]:
    rows = [f"| {split} | {facts.count(split):,} | {_state(facts, split)} |" for split in facts.splits]
    columns = [f"| `{name}` | {kind} | {meaning(name)} |" for name, kind in facts.columns.items()]
    return [
        "## Composition",
        "",
        *("| split | images | scores |", "|---|---|---|", *rows, ""),
        "One row per image:",
        "",
        *("| column | kind | meaning |", "|---|---|---|", *columns, ""),
    ]


def _state(facts: Facts, split: str) -> str:
    if "mos" not in facts.columns:
        return "none yet"
    return "published" if split in facts.published else "hidden"


def _scores(card: Card, facts: Facts) -> list[str]:
    if "mos" not in facts.columns:
        return []
    lines = ["## Scores", "", f"Scale: {card['scale'] or 'not stated'}.", ""]
    hidden = [split for split in facts.splits if split not in facts.published]
    if hidden:
        columns = ", ".join(f"`{column}`" for column in OPINIONS if column in facts.columns)
        lines += [
            f"Of the split {' and '.join(hidden)}, {columns} are null and raw ratings are left out until publication.",
            "",
        ]
    if facts.commitments:
        lines += [
            "The hidden scores were fixed beforehand: `COMMITMENTS` holds the sha256 of a text with a random number "
            "and every name and score. With the scores that text is published as `openings/<split>.txt`; then "
            "`sha256sum -c --ignore-missing COMMITMENTS` with the file of the earlier release shows that no score was "
            "changed.",
            "",
        ]
    return lines


def _files(facts: Facts) -> list[str]:
    files = {
        "data/*.parquet": "images and columns, the default of `load_dataset`" if "parquet" in facts.formats else "",
        "imagefolder/": "the image files with `metadata.parquet`" if "imagefolder" in facts.formats else "",
        "webdataset/*.tar": "the same for streaming" if "webdataset" in facts.formats else "",
        "metadata/": "the columns without images, and how the database was made",
        "splits/*.txt, info_*.csv": "names per split; name, prompt and MOS as in the NTIRE challenges",
        "ratings/": "raw ratings of published images by pseudonym" if facts.ratings is not None else "",
        "COMMITMENTS": "hashes of hidden scores, see above" if facts.commitments else "",
        "openings/": "what the hashes of earlier releases are of" if facts.openings else "",
        "croissant.json": "machine-readable description (MLCommons Croissant 1.0)",
        "SHA256SUMS": "checksums of all files: `sha256sum -c SHA256SUMS`",
    }
    return [
        *("## Files", "", "| file | content |", "|---|---|"),
        *(f"| `{name}` | {text} |" for name, text in files.items() if text),
        "",
    ]


def _loading(card: Card, facts: Facts) -> list[str]:
    source = json.dumps(card["huggingface"] or "path/to/this/folder")
    lines = ["import datasets", ""]
    if "parquet" in facts.formats:
        lines.append(f"database = datasets.load_dataset({source})")
    if "imagefolder" in facts.formats:
        lines.append('database = datasets.load_dataset("imagefolder", data_dir="imagefolder")')
    if "webdataset" in facts.formats:
        # Types cannot be told from null: the loader looks at the first images of one split only.
        kinds = {"text": "string", "whole": "int64", "number": "float64", "truth": "bool"}
        values = ", ".join(f'"{name}": "{kinds[kind]}"' for name, kind in facts.columns.items())
        endings = sorted({item.ending for item in facts.items})
        members = ", ".join(f'"{ending}": datasets.Image()' for ending in endings)
        files = ", ".join(f'"{split}": "webdataset/{split}-*.tar"' for split in facts.splits)
        lines += [
            f"columns = {{{values}}}",
            "columns = {name: datasets.Value(kind) for name, kind in columns.items()}",
            f'members = {{{members}, "json": columns, "__key__": datasets.Value("string"), '
            '"__url__": datasets.Value("string")}',
            'database = datasets.load_dataset("webdataset", features=datasets.Features(members), '
            f"data_files={{{files}}})",
        ]
    return ["## Loading", "", "```python", *lines, "```", ""] if len(lines) > 2 else []


def _license_line(card: Card) -> str:
    if not card["license"]:
        return "The licence of this database is not stated; ask its makers before you use it."
    return f"{card['license']}: {card.license_url}" if card.license_url != card["license"] else card["license"]


def _yaml(content: Mapping[str, object]) -> str:
    return str(yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=100))
