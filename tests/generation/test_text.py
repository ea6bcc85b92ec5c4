"""Which prompts are the same text."""

import pytest

from generation.text import normalised_key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("  A cat,  in a HAT!! ", "a cat in a hat"),
        ("Straße ﬁne ＡＢＣ", "strasse fine abc"),
        ("8 k, 4k, 1 9 5 0, 35 mm lens, 3 d", "8k 4k 1950 35mm lens 3d"),
        ("2 kittens 10 20", "2 kittens 10 20"),
        ("café 猫", "café 猫"),
        ("🔥 !!", ""),
    ],
)
def test_case_punctuation_spacing_and_split_numbers_do_not_count(text, key):
    assert normalised_key(text) == key
    assert normalised_key(key) == key
