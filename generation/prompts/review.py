"""The queue for people: prompts on which the judge was unsure, as a CSV to fill in and read back.

Columns: `prompt`, `category`, `reason`, `judge`, `decision`, `comment`. A person writes `allow` or `block` in
`decision`; rows left empty stay undecided. A decision holds for the prompt's text, in whatever file or order it comes
again.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generation.files import whole_file
from generation.problems import InvalidInput
from generation.prompts.judges import Verdict

COLUMNS = ("prompt", "category", "reason", "judge", "decision", "comment")
DECISIONS = ("allow", "block")


@dataclass(frozen=True)
class Decision:
    """What a person decided on one prompt."""

    label: str
    comment: str


def read_decisions(path: Path) -> dict[str, Decision]:
    """{prompt: decision} of the filled rows. Raises InvalidInput for anything but `allow`, `block` or nothing, and for
    two decisions on one prompt that differ."""
    decisions: dict[str, Decision] = {}
    problems = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            missing = {"prompt", "decision"}.difference(reader.fieldnames or ())
            if missing:
                raise InvalidInput(f"{path}: no column {', '.join(sorted(missing))}; it needs prompt and decision")
            for row in reader:
                label = (row["decision"] or "").strip().lower()
                comment = (row.get("comment") or "").strip()
                place = f"{path}:{reader.line_num}"
                if label and label not in DECISIONS:
                    problems.append(
                        f"{place}: the decision {label!r} is none of {', '.join(DECISIONS)}; or leave it empty"
                    )
                elif label and decisions.setdefault(row["prompt"], Decision(label, comment)).label != label:
                    problems.append(f"{place}: the prompt was decided otherwise further up; leave one of the two rows")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path}: is not UTF-8; save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise InvalidInput(f"{path}: is not CSV ({error}); save it as CSV with commas and double quotes") from None
    if problems:
        raise InvalidInput(*problems)
    return decisions


def refuse_to_lose(path: Path, decisions: Mapping[str, Decision]) -> None:
    """Raise InvalidInput if the file is there with decisions that are not among these: writing it would lose them."""
    if path.exists() and (lost := set(read_decisions(path)).difference(decisions)):
        raise InvalidInput(
            f"{path}: holds {len(lost)} decisions that this run does not know; give it with --decisions, too, or name "
            "another file with --review"
        )


def write_review(path: Path, doubtful: Sequence[tuple[str, Verdict]], decisions: Mapping[str, Decision]) -> int:
    """Write the prompts a judge was unsure of, those decided with their decision, then all other decisions; returns how
    many are undecided.

    Raises InvalidInput where `refuse_to_lose` does.
    """
    refuse_to_lose(path, decisions)
    with whole_file(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for prompt, verdict in doubtful:
            decision = decisions.get(prompt, Decision("", ""))
            writer.writerow((prompt, verdict.category, verdict.reason, verdict.judge, decision.label, decision.comment))
        for prompt in sorted(set(decisions).difference(prompt for prompt, _ in doubtful)):
            writer.writerow((prompt, "", "", "", decisions[prompt].label, decisions[prompt].comment))
    return sum(prompt not in decisions for prompt, _ in doubtful)
