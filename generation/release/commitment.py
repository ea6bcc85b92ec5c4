"""Commitments to hidden MOS: published before the values, checked after.

For each hidden split an *opening* is written to a private folder: a text of a random 256-bit nonce and every name with
its MOS. The commitment is the sha256 of that file, so `sha256sum` is all that checking needs. Once the split is
published, so is the opening.

- Binding: nobody can find another opening with the same hash, so the MOS cannot be changed unnoticed.
- Hiding: without the nonce the hash tells nothing. A hash over names and MOS alone would not do: names are public and
  a MOS has few possible values, so one image or a small split could be found by trying, and any guess be confirmed.

Format, UTF-8 with LF, names ascending, MOS as the shortest decimal that gives the same 64-bit float:

    aigiqa-commitment 1
    split test
    nonce <64 hexadecimal digits>
    <name><TAB><mos>
    ...
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from generation.files import whole_file
from generation.problems import InvalidInput

HEADER = "aigiqa-commitment 1"


@dataclass(frozen=True)
class Opening:
    """The text that a commitment is the hash of."""

    split: str
    nonce: str
    mos: Mapping[str, float]

    def to_bytes(self) -> bytes:
        """The canonical text: equal openings have equal bytes."""
        rows = "".join(f"{name}\t{self.mos[name]!r}\n" for name in sorted(self.mos))
        return f"{HEADER}\nsplit {self.split}\nnonce {self.nonce}\n{rows}".encode()

    @property
    def commitment(self) -> str:
        """sha256 of the text, 64 hexadecimal digits."""
        return sha256(self.to_bytes()).hexdigest()


def parse_opening(content: bytes, place: object) -> Opening:
    """Read an opening. Raises InvalidInput, naming `place`, when it is not in the canonical form."""
    try:
        header, split, nonce, *rows = content.decode().split("\n")
        mos = {name: float(value) for name, value in (row.split("\t") for row in rows if row)}
        opening = Opening(split.removeprefix("split "), nonce.removeprefix("nonce "), mos)
    except ValueError:
        raise InvalidInput(f"{place}: is not an opening of a commitment") from None
    if header != HEADER or opening.to_bytes() != content:
        raise InvalidInput(f"{place}: is not an opening of a commitment")
    return opening


def commit(private: Path, hidden: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """The commitment of each split in `hidden` {split: {name: mos}}; openings that `private` lacks are written there.

    An opening that is there keeps its nonce, so the same MOS give the same commitment. Raises InvalidInput when its
    MOS are others: what was promised cannot be changed silently.
    """
    found = {}
    for split, mos in hidden.items():
        path = private / f"{split}.txt"
        if path.exists():
            opening = parse_opening(path.read_bytes(), path)
            if opening.mos != mos:
                raise InvalidInput(
                    f"{path}: commits to other MOS of the split {split} (commitment {opening.commitment}). If that "
                    "commitment was never published, delete the file; else restore the MOS, or explain the change "
                    "in the card's changelog and give --private a new folder"
                )
        else:
            opening = Opening(split, secrets.token_hex(32), mos)
            write_private(path, opening.to_bytes())
        found[split] = opening.commitment
    return found


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read; its folder is made when it is missing."""
    before = os.umask(0o077)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, "wb") as stream:
            stream.write(content)
    finally:
        os.umask(before)


def openings_of(private: Path, published: Mapping[str, Mapping[str, float]]) -> dict[str, Opening]:
    """The openings that `private` holds of splits that are now published {split: {name: mos}}.

    Raises InvalidInput when the MOS to publish are not those committed to.
    """
    found = {}
    for split, mos in published.items():
        path = private / f"{split}.txt"
        if not path.exists():
            continue
        opening = parse_opening(path.read_bytes(), path)
        if different := differences(opening, mos):
            raise InvalidInput(
                f"{path}: {len(different)} MOS of the split {split} are not those committed to "
                f"(first: {different[0]!r}). Publish those, or explain the change in the card's changelog and give "
                "--private a new folder"
            )
        found[split] = opening
    return found


def differences(opening: Opening, mos: Mapping[str, float]) -> list[str]:
    """Names whose MOS is not the one in the opening, and names that the opening lacks."""
    return sorted(name for name, value in mos.items() if opening.mos.get(name) != value)
