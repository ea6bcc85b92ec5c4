"""Cleaning and keys: the edge cases of real prompts, and properties that hold for any text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.prompts.text import clean, has_letter, key, mend, transliterate

any_text = st.text(st.characters(exclude_categories=()), max_size=60)
messy = st.text(st.sampled_from(list("aB1 4k(){}[]<>:!.,;'\"_-|\t\r\n\0é\u200b\u00a0“”😀&#;x")), max_size=60)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  a red fox \n", "a red fox"),
        ("a red\rfox\tin\nsnow", "a red fox in snow"),
        ("nul\0 byte", "nul byte"),
        ("rodrig\u200bue\u200bz", "rodriguez"),
        ("“smart” ‘quotes’ here", "smart\" 'quotes' here"),
        ("____", ""),
        ("!!!!", "!"),
        ("wow!!!! so - - - cool ~ ~", "wow! so - cool ~"),
        ("a ((very (nice:1.3))) castle", "a very nice castle"),
        ("((castle:1.3)), [fog:0.5]", "castle, fog"),
        ("photo (16:9) of a cat", "photo 16:9 of a cat"),
        ("a fox , in snow .", "a fox, in snow"),
        ("4 k , 1 9 5 0 s", "4 k, 1 9 5 0 s"),
        ("Portrait of ANNA", "Portrait of ANNA"),
        ("caf\u00c3\u00a9 at night", "café at night"),
        ("salt &amp; pepper", "salt & pepper"),
        ("ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("قطة سوداء في الليل", "قطة سوداء في الليل"),
        ("\u202eright to left\u202c mark", "right to left mark"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("bad \ufffd bytes", "bad bytes"),
        ("😀😀😀", "😀"),
        ("x", "x"),
        ("a" * 1500, "a" * 1500),
        ("", ""),
    ],
)
def test_cleaning(text, cleaned):
    assert clean(text) == cleaned


def test_brackets_can_be_collapsed_or_kept():
    text = "a ((stone:1.2)) {{castle}}"
    assert clean(text) == "a stone castle"
    assert clean(text, brackets="collapse") == "a (stone) {castle}"
    assert clean(text, brackets="keep") == "a ((stone:1.2)) {{castle}}"


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("A Red Fox, 4K!", "a red fox 4 k"),
        ("a man in 1950", "a man in 1 9 5 0"),
        ("shot on 35mm", "shot on 3 5 mm"),
        ("((castle:1.3)) at night", "castle at night"),
        ("Straße", "STRASSE"),
        ("zero\u200bwidth", "zerowidth"),
        ("café", "cafe\u0301"),
    ],
)
def test_prompts_that_count_as_the_same(text, other):
    assert key(text) == key(other) != ""


@pytest.mark.parametrize(
    ("text", "other"),
    [("gold 200, 50 mm", "gold 20050 mm"), ("कि", "की"), ("a fox", "a box"), ("c 4", "c 5")],
)
def test_prompts_that_do_not(text, other):
    assert key(text) != key(other)


@pytest.mark.parametrize("text", ["", "!!!", "😀 🔥", "____", "\u200b\0", "↘️ ☘️"])
def test_a_prompt_without_letter_or_digit_has_no_key(text):
    assert key(text) == ""


@given(st.one_of(any_text, messy))
def test_cleaning_and_mending_are_idempotent(text):
    assert clean(clean(text)) == clean(text)
    assert mend(mend(text)) == mend(text)


@given(st.one_of(any_text, messy))
def test_the_key_of_the_cleaned_text_is_the_key_of_the_text(text):
    assert key(clean(text)) == key(text)
    assert key(text) == " ".join(key(text).split())


@given(st.one_of(any_text, messy))
def test_a_cleaned_text_is_printable_single_spaced_utf8(text):
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert not any(unicodedata.category(c)[0] == "C" for c in cleaned)
    assert cleaned == " ".join(cleaned.split())
    assert not set("()[]{}<>\ufffd") & set(cleaned)


@given(any_text)
def test_transliterated_text_is_ascii(text):
    assert transliterate(text).isascii()


def test_transliteration_keeps_latin_words_readable():
    assert transliterate("Zdzisław Beksiński, Ærø, Straße 😀") == "Zdzislaw Beksinski, AEro, Strasse"
    assert not has_letter("12 34 !")
    assert has_letter("1 夜")
