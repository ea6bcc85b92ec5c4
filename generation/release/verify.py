"""Check that published MOS are those that an earlier release committed to.

The earlier release holds COMMITMENTS (and its maker printed the hashes): one sha256 per hidden split. The release that
publishes the MOS holds openings/SPLIT.txt. Verified is that each opening has the hash, and that every MOS of the split
in metadata/images.csv is the one in the opening. Take the hash from the earlier release or announcement, never from the
release that is checked.

    python -m generation verify-commitment --release release-2/ --commitment release-1/COMMITMENTS
    python -m generation verify-commitment --release release-2/ --commitment 3f0c...e2
"""

from __future__ import annotations

import argparse
import re
from hashlib import sha256
from pathlib import Path

from generation.fields import finite
from generation.problems import InvalidInput
from generation.release.commitment import differences, parse_opening
from generation.tables import read_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--release", type=Path, required=True, metavar="FOLDER", help="the one with the MOS")
    parser.add_argument("--commitment", required=True, metavar="FILE|SHA256", help="from before the MOS were published")


def run(arguments: argparse.Namespace) -> int:
    """Print a line per commitment that holds; refuse with every reason why one does not."""
    held, problems = verify(arguments.release, arguments.commitment)
    for line in held:
        print(line)
    if problems:
        raise InvalidInput(*problems)
    return 0


def verify(release: Path, commitment: str) -> tuple[list[str], list[str]]:
    """(what holds, what does not) of a COMMITMENTS file or a single hash against a release.

    Raises InvalidInput when the commitment or a file of the release cannot be read.
    """
    openings = {sha256(path.read_bytes()).hexdigest(): path for path in sorted((release / "openings").glob("*.txt"))}
    held, problems = [], []
    for digest, split in _commitments(commitment):
        label = f"commitment {digest}{f' to the split {split}' if split else ''}"
        path = openings.get(digest)
        if path is None:
            problems.append(f"{label}: no file in {release / 'openings'} has this sha256: not opened, or changed")
            continue
        opening = parse_opening(path.read_bytes(), path)
        released = _released_mos(release / "metadata" / "images.csv", opening.split)
        different = differences(opening, released)
        if split not in ("", opening.split):
            problems.append(f"{label}: {path} is of the split {opening.split}")
        elif different:
            problems.append(f"{label}: {len(different)} MOS are not those committed to (first: {different[0]!r})")
        else:
            left_out = len(opening.mos) - len(released)
            also = f"; {left_out} more were committed to, whose images are not in the release" if left_out else ""
            held.append(f"{label}: holds for {len(released)} MOS{also}")
    return held, problems


def _commitments(commitment: str) -> list[tuple[str, str]]:
    """(hash, split or "") of each commitment."""
    if re.fullmatch(r"[0-9a-fA-F]{64}", commitment):
        return [(commitment.lower(), "")]
    path = Path(commitment)
    found = re.findall(r"^([0-9a-f]{64})  openings/(\w+)\.txt$", path.read_text("utf-8", "replace"), re.MULTILINE)
    if not found:
        raise InvalidInput(f"{path}: holds no commitment (lines: sha256, two spaces, openings/SPLIT.txt)")
    return found


def _released_mos(images: Path, split: str) -> dict[str, float]:
    table = read_table(images, ["name", "split", "mos"])
    rows = [(row["name"], finite(row["mos"])) for row in table.rows if row["split"] == split]
    if not rows:
        raise InvalidInput(f"{images}: has no image of the split {split}")
    if hidden := [name for name, mos in rows if mos is None]:
        raise InvalidInput(f"{images}: {len(hidden)} MOS of the split {split} are still hidden (first: {hidden[0]!r})")
    return {name: mos for name, mos in rows if mos is not None}
