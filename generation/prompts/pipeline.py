"""The rules in their order: exact, merged, cleaned, words, judged, selected. Every dropped row keeps why and for whom.

`filter_prompts(rows, options)` runs them on what `generation.prompts.reading.read_prompts` gave. Precedence among equal
or nearly equal prompts: the most frequent, then the earliest. Of the spellings of one prompt the most frequent is kept,
then the earliest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from generation.progress import progress
from generation.prompts.judges import Judge, LexiconJudge, Verdict
from generation.prompts.merging import clusters, merge
from generation.prompts.options import Options
from generation.prompts.reading import Row
from generation.prompts.review import Decision
from generation.prompts.selection import select
from generation.prompts.text import clean, fold, has_letter, key, transliterate
from generation.prompts.tokens import count_tokens, length_bin
from generation.prompts.words import Matcher, read_word_list

T = TypeVar("T")
RULES = ("exact", "merged", "cleaned", "words", "judged", "selected")


@dataclass(frozen=True, slots=True)
class Drop:
    """Why a row is not kept: rule and reason; for merged rows the id it was merged into and the similarity of the keys
    (0 to 100); `detail` has the words, or the judge's category and reason."""

    rule: str
    reason: str
    merged_into: str = ""
    similarity: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A prompt that is kept: its row, the text to use, its length in characters and CLIP tokens, the bin of the latter,
    its cluster (the id of the cluster's first prompt), and how many rows it stands for."""

    row: Row
    text: str
    characters: int
    tokens: int
    length_bin: str
    cluster: str
    count: int


@dataclass(frozen=True, eq=False)
class Filtered:
    """The result of `filter_prompts`.

    kept and dropped (by index into `rows`) are in the order of the rows. left: rows left after each rule, None where it
    was not run. judge: name and policy of who judged, None if nobody. doubtful: prompts on which the judge was
    unsure. verdicts: how many of each label. survivors: prompts per length bin before the selection. missing: how
    many prompts the target lacks; then nothing is kept.
    """

    rows: Sequence[Row]
    kept: Sequence[Kept]
    dropped: Mapping[int, Drop]
    left: Mapping[str, int | None]
    judge: tuple[str, str] | None
    doubtful: Sequence[tuple[str, Verdict]]
    verdicts: Mapping[str, int]
    survivors: Mapping[str, int]
    missing: int


def filter_prompts(
    rows: Sequence[Row],
    options: Options,
    *,
    judge: Judge | None = None,
    decisions: Mapping[str, Decision] | None = None,
) -> Filtered:
    """Run the rules. `judge` defaults to the word lists; `decisions` of people, by prompt, overrule it.

    Raises InvalidInput for unusable word lists, and whatever the judge raises.
    """
    run = _Run(rows, options)
    run.merge_exact()
    run.merge_similar()
    run.clean()
    run.match_words()
    run.judge(judge, decisions or {})
    return run.finish()


class _Run:
    """The state between rules: `text` of the rows that are left, by index, and how many rows each stands for."""

    def __init__(self, rows: Sequence[Row], options: Options) -> None:
        self.rows, self.options = rows, options
        self.text = {i: row.text for i, row in enumerate(rows)}
        self.count = dict.fromkeys(self.text, 1)
        self.dropped: dict[int, Drop] = {}
        self.left: dict[str, int | None] = {"input": len(rows), **dict.fromkeys(RULES)}
        self.cleaned: dict[int, str] = {}  # as keys are made: with brackets removed
        self.keys: dict[int, str] = {}  # of the rows kept by `merge_exact`, in order of precedence
        self.lexical: dict[int, Verdict] = {}
        self.judged_by = ("", "")
        self.doubtful: list[tuple[str, Verdict]] = []
        self.verdicts: Counter[str] = Counter()

    def merge_exact(self) -> None:
        """Rows with one key are one prompt."""
        if not self.options.merge_exact:
            return
        members: dict[str, list[int]] = defaultdict(list)
        for i, text in _shown(list(self.text.items()), "comparing"):
            self.cleaned[i] = clean(text)
            members[fold(self.cleaned[i])].append(i)
        for i in members.pop("", ()):
            self._drop(i, Drop("exact", "no letter or digit"))
        # Sorting is stable: equally frequent ones stay in the order of their first row.
        for value, indices in sorted(members.items(), key=lambda item: -len(item[1])):
            spellings = Counter(self.text[i].strip() for i in indices)
            most = max(spellings.values())
            kept = next(i for i in indices if spellings[self.text[i].strip()] == most)
            self.keys[kept] = value
            for i in indices:
                if i != kept:
                    self._merge(i, kept, Drop("exact", "same prompt", self.rows[kept].id, 100.0))
        self._ended("exact")

    def merge_similar(self) -> None:
        """The 90 % rule."""
        options = self.options
        if options.threshold is None:
            return
        indices = list(self.keys)
        merged = merge(
            list(self.keys.values()),
            threshold=options.threshold,
            min_length=options.min_len_for_merge,
            subject_guard=options.subject_guard,
            method=options.candidates,
        )
        for index, leader, similarity in zip(indices, merged.leader.tolist(), merged.similarity.tolist(), strict=True):
            into = indices[leader]
            if into != index:
                self._merge(index, into, Drop("merged", "nearly the same prompt", self.rows[into].id, similarity))
        self._ended("merged")

    def clean(self) -> None:
        """Clean the texts, and drop what is too short or has no letter."""
        seen: dict[str, int] = {}
        for i, text in _shown(list(self.text.items()), "cleaning"):
            self.text[i] = cleaned = self._clean(i, text)
            reason = self._unfit(text, cleaned)
            if reason:
                self._drop(i, Drop("cleaned", reason))
            elif self.options.merge_exact and (first := seen.setdefault(cleaned, i)) != i:
                self._merge(i, first, Drop("cleaned", "same prompt after cleaning", self.rows[first].id))
        self._ended("cleaned")

    def match_words(self) -> None:
        """Drop what a list blocks."""
        matcher = Matcher(
            [read_word_list(path) for path in self.options.word_lists], as_written=self.options.words_as_written
        )
        lexicon = LexiconJudge(matcher)
        self.judged_by = (lexicon.name, lexicon.policy)
        left = list(self.text)
        for i, text in _shown(list(self.text.items()), "words"):
            (self.lexical[i],) = lexicon.judge([text])
        for i in left:
            if self.lexical[i].label == "block":
                reason = f"listed word ({self.lexical[i].category})"
                self._drop(i, Drop("words", reason, detail=self.lexical[i].reason))
        self._ended("words")

    def judge(self, judge: Judge | None, decisions: Mapping[str, Decision]) -> None:
        """Drop what the judge or a person blocks, and what is still in doubt."""
        if not self.options.judge:
            return
        left = list(self.text)
        if judge:
            self.judged_by = (judge.name, judge.policy)
        # Without a judge the lists judge, and they have read every prompt already.
        verdicts = judge.judge([self.text[i] for i in left]) if judge else [self.lexical[i] for i in left]
        for i, verdict in zip(left, verdicts, strict=True):
            self.verdicts[verdict.label] += 1
            if verdict.label == "unsure":
                self.doubtful.append((self.text[i], verdict))
            decision = decisions.get(self.text[i])
            label = decision.label if decision else verdict.label
            if label != "allow":
                what, who = "blocked" if label == "block" else "left undecided", verdict.judge
                comment = verdict.reason
                if decision:
                    who, comment = "a person", decision.comment
                detail = ": ".join(part for part in (verdict.category, comment) if part)
                self._drop(i, Drop("judged", f"{what} by {who}", detail=detail))
        self._ended("judged")

    def finish(self) -> Filtered:
        """Select, and describe what is kept."""
        tokens = {i: count_tokens(text) for i, text in _shown(list(self.text.items()), "counting tokens")}
        survivors = Counter(length_bin(n) for n in tokens.values())
        target = self.options.target
        missing = max(0, (target or 0) - len(self.text))
        if target is not None and not missing:
            indices, texts = list(self.text), list(self.text.values())
            bins = [length_bin(tokens[i]) for i in indices]
            chosen = set(select(texts, bins, target, self.options.seed))
            for place, i in enumerate(indices):
                if place not in chosen:
                    self._drop(i, Drop("selected", "not in the sample"))
            self._ended("selected")
        kept = [] if missing else self._kept(tokens)
        dropped = {i: self.dropped[i] for i in sorted(self.dropped)}
        judge = self.judged_by if self.options.judge else None
        return Filtered(self.rows, kept, dropped, self.left, judge, self.doubtful, self.verdicts, survivors, missing)

    def _kept(self, tokens: Mapping[int, int]) -> list[Kept]:
        # Prompts of one key are of one cluster; the profile `released` keeps such prompts.
        places: dict[str, int] = {}
        keys = [self.keys[i] if i in self.keys else key(text) for i, text in self.text.items()]
        of_key = [places.setdefault(value, len(places)) for value in keys]
        roots = clusters(list(places), threshold=self.options.cluster_threshold).tolist()
        names: dict[int, str] = {}
        kept = []
        for (i, text), place in zip(self.text.items(), of_key, strict=True):
            row = self.rows[i]
            cluster = names.setdefault(roots[place], row.id)
            kept.append(Kept(row, text, len(text), tokens[i], length_bin(tokens[i]), cluster, self.count[i]))
        return kept

    def _clean(self, index: int, text: str) -> str:
        brackets = self.options.brackets
        if not self.options.clean:
            return text.strip()
        known = self.cleaned.get(index) if brackets == "remove" else None
        cleaned = clean(text, brackets=brackets) if known is None else known
        if self.options.non_ascii == "transliterate" and not cleaned.isascii():
            cleaned = clean(transliterate(cleaned), brackets=brackets)
        return cleaned

    def _unfit(self, text: str, cleaned: str) -> str:
        """Why the text cannot be used, "" if it can."""
        options = self.options
        if options.non_ascii == "drop" and not text.strip().isascii():
            return "characters outside ASCII"
        if not cleaned:
            return "nothing left"
        if len(cleaned) < options.min_characters:
            return f"shorter than {options.min_characters} characters"
        return "no letter" if options.require_letter and not has_letter(cleaned) else ""

    def _merge(self, index: int, into: int, drop: Drop) -> None:
        self.count[into] += self.count[index]
        self._drop(index, drop)

    def _drop(self, index: int, drop: Drop) -> None:
        self.dropped[index] = drop
        del self.text[index]

    def _ended(self, rule: str) -> None:
        self.left[rule] = len(self.text)


def _shown(items: Sequence[T], label: str) -> Iterator[T]:
    return progress(items, total=len(items), unit="prompts", label=label)
