"""What the rules do: one value per decision, and the two named sets of them, the profiles.

`paper` is AIGIQA-20K's text: near-duplicates merged at 90 %, characters cleaned, unfit prompts removed. `released` is
what the 16,000 prompts that were published show to have been done: non-ASCII and short prompts dropped, LDNOOBW's words
dropped, nothing merged or cleaned (docs/database.md has the evidence).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from generation.prompts.words import BUILT_IN

_ALL_LISTS = tuple(sorted(BUILT_IN.glob("*.yaml")))


@dataclass(frozen=True)
class Options:
    """The rules' settings; the defaults are the profile `paper`.

    merge_exact: prompts with equal keys count as one; those without letter or digit go.
    threshold: similarity in percent from which prompts merge; None: no merging.
    min_len_for_merge: keys shorter than this must be equal. subject_guard: similarity of the first 8 words that is also
    needed, 0: none. candidates: the search, see `generation.prompts.candidates`.
    clean: whether characters are cleaned; else only white space at the ends goes. brackets, non_ascii: see
    `generation.prompts.text`. min_characters: shorter prompts go. require_letter: prompts without any letter go.
    word_lists: YAML files. words_as_written: neither leet nor hyphens for spaces.
    judge: whether the judge's verdicts are asked for. target: how many to select, None: all. seed: of that selection.
    cluster_threshold: similarity from which kept prompts are of one cluster.
    """

    profile: str = "paper"
    merge_exact: bool = True
    threshold: float | None = 90
    min_len_for_merge: int = 0
    subject_guard: float = 0
    candidates: str = "auto"
    clean: bool = True
    brackets: str = "remove"
    non_ascii: str = "keep"
    min_characters: int = 3
    require_letter: bool = True
    word_lists: tuple[Path, ...] = field(default=_ALL_LISTS)
    words_as_written: bool = False
    judge: bool = True
    target: int | None = None
    seed: int = 0
    cluster_threshold: float = 80


PROFILES = {
    "paper": Options(),
    "released": Options(
        profile="released",
        merge_exact=False,
        threshold=None,
        clean=False,
        non_ascii="drop",
        min_characters=10,
        require_letter=False,
        word_lists=(BUILT_IN / "ldnoobw_en.yaml",),
        words_as_written=True,
        judge=False,
    ),
}
