"""Word lists: whole words, leet, longest match, tiers; and the lists that come with the project."""

from __future__ import annotations

import re

import pytest
import yaml

from generation.problems import InvalidInput
from generation.prompts.judges import CATEGORIES, LexiconJudge
from generation.prompts.words import BUILT_IN, TIERS, Matcher, read_word_list
from tests.reference import shared


@pytest.fixture(scope="module")
def built_in():
    return [read_word_list(path) for path in sorted(BUILT_IN.glob("*.yaml"))]


@pytest.fixture
def matcher(tmp_path):
    def make(**lists):
        """matcher(block=["word"], allow=["a phrase"]): one list per tier, category sexual."""
        read = []
        for tier, words in lists.items():
            path = tmp_path / f"{tier}.yaml"
            fields = {"name": tier, "tier": tier, "source": "test", "licence": "test", "words": {"sexual": words}}
            path.write_text(yaml.safe_dump(fields, allow_unicode=True))
            read.append(read_word_list(path))
        return Matcher(read)

    return make


def found(matcher, text):
    return [entry.text for entry in matcher.find(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("an ass on a hill", ["ass"]),
        ("grass, bass, classic, assassin", []),
        ("ASS! and (ass)", ["ass"]),
        ("ass's ass-like", ["ass"]),
        ("a_ass_b", ["ass"]),
        ("s&m and S & M", ["s&m"]),
        ("hot chick, hot\n chick; hot-chick", ["hot chick"]),
        ("hot, chick", []),
        ("goregasm gorefest", ["gore*"]),
        ("severed arms", ["severed arm*"]),
        ("severed", []),
        ("𝓪𝓼𝓼 ａｓｓ a\u200bs\u200bs", ["ass"]),
        ("a$$ @ss 4ss", ["ass"]),
        ("sh1t, s1ut and sh!t!", ["shit", "slut"]),
        ("the a55 road, 4 5 5, 455", []),
        ("wow! 4k, 8k, 3d, 35mm, f/1.4, @artgerm, $5", []),
    ],
)
def test_what_is_found(matcher, text, words):
    lists = matcher(block=["ass", "shit", "slut", "s&m", "hot chick", "gore*", "severed arm*"])
    assert sorted(found(lists, text)) == sorted(words)


def test_an_allowed_phrase_covers_the_word_in_it_but_no_other(matcher):
    lists = matcher(block=["coon", "girl on", "girl on top"], allow=["maine coon*", "girl on"])
    assert found(lists, "a maine coon, maine coons") == []
    assert found(lists, "a maine coon and a coon") == ["coon"]
    assert found(lists, "girl on a beach") == []
    assert found(lists, "girl on top") == ["girl on top"]


def test_the_longest_entry_counts(matcher):
    lists = matcher(block=["blow", "blow your load"], review=["blow your*"])
    assert found(lists, "blow your load") == ["blow your load"]
    assert found(lists, "blow your nose") == ["blow your*"]


def test_ldnoobw_is_complete_and_unaltered(built_in):
    (ldnoobw,) = (one for one in built_in if one.name.startswith("LDNOOBW"))
    original = shared("prompts/wordlists/ldnoobw_en.txt").read_text(encoding="utf-8").split("\n")
    assert sorted(entry.text for entry in ldnoobw.entries) == sorted(filter(None, original))
    assert (ldnoobw.tier, ldnoobw.licence) == ("block", "CC-BY-4.0")


def test_every_list_has_source_licence_and_known_categories(built_in):
    assert {one.tier for one in built_in} == set(TIERS)
    for one in built_in:
        assert one.source
        assert one.licence
        assert len({entry.text for entry in one.entries}) == len(one.entries)
        if one.tier in ("block", "review"):
            assert {entry.category for entry in one.entries} <= set(CATEGORIES)


def test_every_allowed_phrase_covers_a_listed_word(built_in):
    listed = Matcher(one for one in built_in if one.tier in ("block", "review"))
    everything = Matcher(built_in)
    allowed = [entry for one in built_in if one.tier == "allow" for entry in one.entries]
    assert len(allowed) > 50
    for entry in allowed:
        phrase = entry.text.rstrip("*")
        assert listed.find(phrase), phrase
        assert not everything.find(phrase), phrase


def test_curated_prompts_are_hardly_touched(built_in):
    """PartiPrompts, all fit for everyone: false alarms."""
    lines = shared("prompts/parti_prompts.tsv").read_text(encoding="utf-8").split("\n")
    column = lines[0].split("\t").index("prompt")
    judge = LexiconJudge(Matcher(built_in))
    verdicts = judge.judge([line.split("\t")[column] for line in lines[1:] if line])
    assert len(verdicts) == 1632
    assert not [verdict for verdict in verdicts if verdict.label == "block"]
    assert len([verdict for verdict in verdicts if verdict.label == "unsure"]) <= 0.003 * 1632


def test_the_lexicon_blocks_leaves_in_doubt_and_allows(built_in):
    judge = LexiconJudge(Matcher(built_in))
    verdicts = judge.judge(
        ["a nude", "soldiers and blood", "blood moon over a maine coon", "seductive portrait", "seductive little girl"]
    )
    assert [(verdict.label, verdict.category) for verdict in verdicts] == [
        ("block", "sexual"),
        ("unsure", "gore"),
        ("allow", "ok"),
        ("unsure", "sexual"),
        ("block", "minors"),
    ]
    assert verdicts[1].reason == "blood"


def test_as_written_what_is_found_is_what_a_regular_expression_for_whole_words_finds():
    """The check of the profile `released`, on real prompts."""
    ldnoobw = read_word_list(BUILT_IN / "ldnoobw_en.yaml")
    entries = sorted((entry.text for entry in ldnoobw.entries), key=len, reverse=True)
    plain = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, entries)) + r")(?!\w)")
    texts = shared("prompts/sd_discord_30k.tsv").read_text(encoding="utf-8").split("\n")[:8_000]
    texts += ["a dog-style cookie", "girl on-top", "sh1t", "s&m"]
    plainly = {text for text in texts if plain.search(text)}
    assert len(plainly) > 20
    as_written, readily = Matcher([ldnoobw], as_written=True), Matcher([ldnoobw])
    assert {text for text in texts if as_written.find(text)} == plainly
    assert {text for text in texts if readily.find(text)} > plainly


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("- a\n- b\n", "needs the fields name, tier, source, licence, words"),
        ("name: x\ntier: block\nwords: {a: [b]}\n", "here these lack: source, licence"),
        ("name: x\ntier: bad\nsource: s\nlicence: l\nwords: {a: [b]}\n", "'bad' is none of block, review"),
        ("name: x\ntier: block\nsource: s\nlicence: l\nwords: [b]\n", "lists by category"),
        ("name: x\ntier: block\nsource: s\nlicence: l\nwords: {a: [no]}\n", "the entry False under a is no word"),
        ("name: x\ntier: block\nsource: s\nlicence: l\nwords: {a: ['*']}\n", "the entry '*' under a is no word"),
        ("name: x\ntier: block\nsource: s\nlicence: l\nwords: {a: ['severed *']}\n", "a * at a word's end"),
        ("{", "is not YAML"),
    ],
)
def test_an_unusable_list_is_refused_with_the_reason(tmp_path, content, said):
    path = tmp_path / "list.yaml"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=r"list\.yaml") as refused:
        read_word_list(path)
    assert said in str(refused.value)
